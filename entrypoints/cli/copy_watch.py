"""How a copy shows its progress: a line that moves on a terminal, lines one below the other elsewhere."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from application.scheduling.ports.transfer import Kind
from application.scheduling.services.compare_kind import Seen
from application.scheduling.services.copy_store import Watcher
from entrypoints.cli.answers import note

TELL_EVERY_SECONDS = 5.0


@dataclass(slots=True)
class Tally:
    """What was seen so far in one pass."""

    number: int = 0
    is_sealed: bool = False
    kinds: dict[Kind, Seen] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)

    @property
    def told(self) -> str:
        """The pass in a line."""
        read = sum(each.read for each in self.kinds.values())
        moved = sum(each.written + each.gone for each in self.kinds.values())
        speed = read / max(time.monotonic() - self.since, 0.001)
        sealed = ", the source is sealed" if self.is_sealed else ""
        return f"Pass {self.number}{sealed}: {read:,} records read, {moved:,} put right ({speed:,.0f} a second)"


@dataclass(slots=True)
class Lines:
    """`Watcher` that writes lines."""

    where: str
    tally: Tally = field(default_factory=Tally)
    served_by: tuple[str, ...] = ()
    _told_at: float = 0.0

    def passing(self, number: int, *, is_sealed: bool) -> None:
        """See the protocol."""
        self.end_pass()
        self.tally = Tally(number, is_sealed)
        if is_sealed:
            self.served_by = ()
        self._told_at = time.monotonic()

    def seen(self, kind: Kind, seen: Seen) -> None:
        """See the protocol."""
        self.tally.kinds[kind] = seen
        if time.monotonic() - self._told_at > TELL_EVERY_SECONDS:
            self._told_at = time.monotonic()
            self.tell(self.tally.told)

    def waiting(self, served_by: Sequence[str]) -> None:
        """See the protocol. Told again only when it is others who serve."""
        if self.served_by != tuple(served_by):
            self.end_pass()
            self.served_by = tuple(served_by)
            self.tell(f"The copy is up to date. Now stop every service on {self.where}: {', '.join(served_by)}.")

    def end_pass(self) -> None:
        """Tell the pass that is over, unless nothing was to be done in it while waiting."""
        if self.tally.number and not self.served_by:
            self.tell(self.tally.told)

    def tell(self, line: str) -> None:
        """Show a line that stays."""
        note(line)


@dataclass(slots=True)
class Screen(Lines):
    """`Watcher` on a terminal: the present pass is one line that moves."""

    progress: Progress | None = None
    line: TaskID | None = None

    def seen(self, kind: Kind, seen: Seen) -> None:
        """See the protocol."""
        assert self.progress is not None
        self.tally.kinds[kind] = seen
        if self.line is None:
            self.line = self.progress.add_task("")
        what = kind.value.replace("_", " ")
        self.progress.update(self.line, description=escape(f"{self.tally.told}: {what} {seen.read:,}"))

    def tell(self, line: str) -> None:
        """See Lines."""
        assert self.progress is not None
        self.progress.console.print(escape(line), highlight=False, soft_wrap=True)


@contextmanager
def watching(where: str) -> Iterator[Watcher]:
    """Somebody who shows the copy of the store at `where` for as long as the context lasts."""
    if not sys.stderr.isatty():
        lines = Lines(where)
        yield lines
        lines.end_pass()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        screen = Screen(where, progress=progress)
        yield screen
        screen.end_pass()
