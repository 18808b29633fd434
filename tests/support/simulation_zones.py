"""New time zone data in a simulated world: a government moves its clocks, and every process is started anew."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

from application.scheduling.services import reconcile
from domain.scheduling.cron.compiled import compiled_cron
from domain.scheduling.cron.zone import ZoneClock, tzdata_version, zone_clock
from tests.support import schedule_oracle

# Which zone's rules a zone is given.
MOVES = {"Asia/Kathmandu": "Asia/Dhaka", "America/St_Johns": "America/Halifax"}


@dataclass(slots=True)
class Zones:
    """The zone data by which everything is decided and judged; `undo` brings the real ones back."""

    undo: ExitStack
    moved: list[str] = field(default_factory=list)

    def version(self) -> str:
        """The release in use."""
        return ", ".join([tzdata_version(), *self.moved])

    def move(self, key: str) -> None:
        """Give a zone of `MOVES` its new rules, in the product and, apart from that, in the oracle."""
        self.moved.append(key)
        clock, like = zone_clock(key), zone_clock(MOVES[key])
        self.undo.callback(_set, clock, (clock.starts, clock.offsets, clock.shown))
        self.undo.callback(schedule_oracle.forget_moves)
        _set(clock, (like.starts, like.offsets, like.shown))
        schedule_oracle.move(key, like=MOVES[key])


@contextmanager
def zones() -> Iterator[Zones]:
    """The real zone data, until they are moved and until the end of the context."""
    with ExitStack() as undo:
        zones_ = Zones(undo)
        undo.enter_context(patch.object(reconcile, "tzdata_version", zones_.version))
        yield zones_


def _set(clock: ZoneClock, rules: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]) -> None:
    clock.starts, clock.offsets, clock.shown = rules
    # They remember what they answered last.
    compiled_cron.cache_clear()
