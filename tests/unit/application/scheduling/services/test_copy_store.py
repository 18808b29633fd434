"""Copying over rows alone: where it may be cut off, what it refuses, and what it waits for."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.transfer import Kind, Mark, Standing
from application.scheduling.services.compare_kind import PAGE_MAX, Seen
from application.scheduling.services.copy_store import (
    CopyDiffersError,
    CopyRefusedError,
    CopyReport,
    CopyStore,
    End,
    StillServedError,
    release,
)
from tests.support.manual_clock import ManualClock
from tests.support.plain_end import NEVER, Line, PlainEnd


class Watch:
    """`Watcher` that counts, and `Keeper` of what these serve in turn, one answer a question."""

    def __init__(self, *served_by: str) -> None:
        self.served_by_then = list(served_by)
        self.waited_for: list[str] = []
        self.passes: list[bool] = []

    def passing(self, number: int, *, is_sealed: bool) -> None:
        """See the protocol."""
        assert number == len(self.passes) + 1
        self.passes.append(is_sealed)

    def seen(self, kind: Kind, seen: Seen) -> None:
        """See the protocol."""

    def waiting(self, served_by: Sequence[str]) -> None:
        """See the protocol."""
        self.waited_for += served_by

    async def served_by(self) -> Sequence[str]:
        """See the protocol."""
        return [self.served_by_then.pop(0)] if self.served_by_then else []


def a_source(line: Line) -> PlainEnd:
    """More than a page of tasks, and something of each of two other kinds."""
    source = PlainEnd("from", line)
    for number in range(PAGE_MAX + 1):
        source.put(Kind.TASKS, f"id-{number:05d}", "task")
    source.put(Kind.SKIPS, "id-00000", 5, "overlap")
    source.put(Kind.USERS, "ana", "admin")
    return source


async def copied(source: PlainEnd, target: PlainEnd, watch: Watch | None = None, *, wait: int = 60) -> CopyReport:
    watch = watch or Watch()
    ends = End(source, "there"), End(target, "here")
    moment = timedelta(microseconds=1)
    return await CopyStore(*ends, watch, watch, ManualClock(), timedelta(seconds=wait), moment).run()


async def test_a_copy_cut_off_at_any_call_is_finished_by_the_next_run_and_both_are_never_served() -> None:
    counted = Line()
    await copied(a_source(counted), PlainEnd("to", counted), Watch("somebody"))
    assert counted.calls > 50
    for calls in range(counted.calls):
        line = Line(calls)
        source, target = a_source(line), PlainEnd("to", line)

        with pytest.raises(StoreUnavailableError):
            await copied(source, target, Watch("somebody"))
        may_be_served = source.mark is None, target.mark is None and any(target.rows.values())
        assert not all(may_be_served)
        line.calls_left = NEVER
        if source.mark is None or source.mark.standing is not Standing.MOVED:
            await copied(source, target)

        assert target.rows == source.rows
        assert (source.mark, target.mark) == (Mark(Standing.MOVED, "to", "here"), None)
        assert target.generation == 2


async def test_a_source_is_sealed_only_when_nobody_serves_it_any_more() -> None:
    line, watch = Line(), Watch("one", "one", "other")

    report = await copied(a_source(line), PlainEnd("to", line), watch)

    assert watch.waited_for == ["one", "one", "other"]
    assert watch.passes == [False, False, False, True]
    assert report.passes == 4


async def test_whoever_serves_on_keeps_a_copy_from_being_finished_and_nothing_is_sealed() -> None:
    line = Line()
    source, target = a_source(line), PlainEnd("to", line)

    with pytest.raises(StillServedError, match="there is still served by somebody"):
        await copied(source, target, Watch("somebody"), wait=-1)

    assert source.mark is None
    assert target.mark == Mark(Standing.FILLING, "from", "there")
    assert target.rows == source.rows


MOVED = Mark(Standing.MOVED, "third", "elsewhere")
SEALED = Mark(Standing.SEALED, "third", "elsewhere")
FILLING = Mark(Standing.FILLING, "third", "elsewhere")


@pytest.mark.parametrize(
    ("source_mark", "target_mark", "told"),
    [
        (MOVED, None, "there was moved to elsewhere: serve that one"),
        (SEALED, None, "there is sealed, as it is being moved to elsewhere"),
        (FILLING, None, "there holds an unfinished copy of the store in elsewhere"),
        (None, FILLING, "here holds an unfinished copy of the store in elsewhere"),
        (None, MOVED, "here was moved to elsewhere"),
    ],
)
async def test_stores_that_have_to_do_with_others_are_refused(
    source_mark: Mark | None, target_mark: Mark | None, told: str
) -> None:
    line = Line()
    source, target = a_source(line), PlainEnd("to", line)
    source.mark, target.mark = source_mark, target_mark

    with pytest.raises(CopyRefusedError, match=told):
        await copied(source, target)

    assert (source.mark, target.mark) == (source_mark, target_mark)
    assert not any(target.rows.values())


async def test_a_store_is_not_copied_to_itself() -> None:
    source = a_source(Line())

    with pytest.raises(CopyRefusedError, match="are the same store"):
        await copied(source, source)


async def test_a_target_that_does_not_keep_what_it_is_told_is_never_served() -> None:
    class Forgetful(PlainEnd):
        async def write(self, kind: Kind, rows: Sequence[object], gone: Sequence[object]) -> None:
            """Keeps nothing of users."""
            if kind is not Kind.USERS:
                await super().write(kind, rows, gone)  # type: ignore[arg-type]

    line = Line()
    source, target = a_source(line), Forgetful("to", line)

    with pytest.raises(CopyDiffersError, match=r"\(users\)"):
        await copied(source, target)

    assert target.mark is not None
    assert (await release(End(source, "there"), although_moved=False)) == Mark(Standing.SEALED, "to", "here")
    assert source.mark is None


async def test_a_source_with_messages_that_are_in_no_stream_yet_is_not_sealed() -> None:
    line = Line()
    source, target = a_source(line), PlainEnd("to", line)
    source.undelivered = 3

    with pytest.raises(CopyRefusedError, match="in no stream yet: 3"):
        await copied(source, target)

    assert source.mark is None
    source.undelivered = 0
    await copied(source, target)
    assert target.rows == source.rows


async def test_an_unfinished_copy_is_not_released() -> None:
    target = PlainEnd("to", Line(), mark=FILLING)

    with pytest.raises(CopyRefusedError, match="unfinished copy"):
        await release(End(target, "here"), although_moved=True)

    assert target.mark == FILLING
