from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.fediverse.ports.checkpoints import Batch, Checkpoint, Stretch
from application.fediverse.ports.errors import ContentRefusedError, FenceLostError, StepBusyError
from application.fediverse.tasks.batches import BatchLoop, Pace, Work
from application.fediverse.tasks.payload import MaintenancePayload
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.processors import Continue, PermanentError, RunCancelledError, Summary
from tests.support.content import PassingClock, RecordedRun

ROWS = Stretch(1, 1000)


class Shelf:
    """`Checkpoints` for one task: the last one saved, if any."""

    def __init__(self) -> None:
        self.kept: Checkpoint | None = None

    async def take(self, fresh: Checkpoint, *, resume: bool) -> Checkpoint:
        self.kept = fresh if self.kept is None or not resume else self.kept.resumed_by(fresh)
        return self.kept

    async def remove(self, checkpoint: Checkpoint) -> None:
        if self.kept is None or self.kept.fence != checkpoint.fence:
            raise FenceLostError("somebody else holds it")
        self.kept = None


class Walk:
    """A step over a thousand rows that takes so long, and remembers what it was asked for."""

    def __init__(self, shelf: Shelf, clock: PassingClock, seconds: float = 0.2) -> None:
        self.shelf, self.clock, self.seconds = shelf, clock, seconds
        self.limits: list[int] = []

    async def __call__(self, at: Checkpoint, limit: int) -> Batch:
        self.limits.append(limit)
        self.clock.advance(timedelta(seconds=self.seconds))
        last = min((at.after_id or 0) + limit, ROWS.last)
        batch = Batch(ROWS, last, {"rows": last - (at.after_id or 0)}, last - (at.after_id or 0), last == ROWS.last)
        if not at.is_rehearsal:
            self.shelf.kept = at.after(batch)
        return batch


class Load:
    """`LoadProbe` of a database that is in trouble for so many looks."""

    def __init__(self, troubled: int = 0) -> None:
        self.troubled, self.looks = troubled, 0

    async def trouble(self) -> str | None:
        self.looks += 1
        return "a standby is 11 s behind" if self.looks <= self.troubled else None


async def begun(
    shelf: Shelf, clock: PassingClock, run: RecordedRun | None = None, load: Load | None = None, **payload: object
) -> Work:
    model = MaintenancePayload.model_validate({"batch_size": 400, "pause_ms": 0, **payload})
    return await BatchLoop(shelf, clock, load or Load()).begin(model, run or RecordedRun())


async def test_phases_follow_each_other_and_a_finished_one_is_not_walked_again() -> None:
    shelf, clock = Shelf(), PassingClock()
    first, second = Walk(shelf, clock), Walk(shelf, clock)
    work = await begun(shelf, clock)
    await work.walk("first", first)
    again = await begun(shelf, clock, RecordedRun(fence=2))

    await again.walk("first", first)
    await again.walk("second", second)
    done = await again.end()

    assert (first.limits, second.limits) == ([400] * 3, [400] * 3)
    assert isinstance(done, Summary)
    assert done.facts["rows"] == {"rows": 2000}
    assert shelf.kept is None


async def test_a_phase_nobody_remembers_is_no_trouble() -> None:
    shelf, clock = Shelf(), PassingClock()
    work = await begun(shelf, clock)
    await work.walk("a phase of the last release", Walk(shelf, clock))
    walk = Walk(shelf, clock)
    again = await begun(shelf, clock, RecordedRun(fence=2))

    await again.walk("a phase of this release", walk)

    assert len(walk.limits) == 3


async def test_a_limit_on_rows_is_exact() -> None:
    shelf, clock = Shelf(), PassingClock()
    walk = Walk(shelf, clock)
    work = await begun(shelf, clock, max_rows=450)

    await work.walk("rows", walk)
    done = await work.end()

    assert walk.limits == [400, 50]
    assert (done.facts["status"], done.facts["reason"]) == ("partial", "max_rows")
    assert shelf.kept is None


async def test_time_that_is_up_makes_a_continuation_even_within_the_first_batch() -> None:
    shelf, clock = Shelf(), PassingClock()
    walk = Walk(shelf, clock, seconds=30)
    work = await begun(shelf, clock, max_runtime_s=10)

    await work.walk("rows", walk)
    await work.walk("more rows", walk)
    done = await work.end()

    assert len(walk.limits) == 1
    assert isinstance(done, Continue)
    assert shelf.kept is not None
    assert shelf.kept.after_id == 400


async def test_a_rehearsal_takes_and_leaves_no_checkpoint() -> None:
    shelf, clock = Shelf(), PassingClock()
    work = await begun(shelf, clock, dry_run=True)

    await work.walk("rows", Walk(shelf, clock))
    done = await work.end()

    assert (done.facts["status"], done.facts["rows"]) == ("dry_run", {"rows": 1000})
    assert shelf.kept is None


async def test_a_continuation_counts_its_own_rows_from_the_same_place() -> None:
    shelf, clock = Shelf(), PassingClock()
    work = await begun(shelf, clock, max_runtime_s=10)
    await work.walk("rows", Walk(shelf, clock, seconds=30))
    await work.end()
    clock.advance(timedelta(minutes=1))
    other = RecordedRun(fence=2)
    other.execution_id = other.execution_id + "-continued"  # type: ignore[assignment]
    again = await begun(shelf, clock, other)

    await again.walk("rows", Walk(shelf, clock))
    done = await again.end()

    assert done.facts["rows"] == {"rows": 600}
    assert again.started_at == work.started_at


async def test_a_lost_fence_ends_the_run_without_a_fuss() -> None:
    shelf, clock = Shelf(), PassingClock()
    work = await begun(shelf, clock)
    await work.walk("rows", Walk(shelf, clock))
    assert shelf.kept is not None
    shelf.kept = replace(shelf.kept, fence=2)

    done = await work.end()

    assert (done.facts["status"], done.facts["reason"]) == ("skipped", "superseded")
    assert shelf.kept is not None


async def test_a_database_that_refuses_makes_a_permanent_error() -> None:
    shelf, clock = Shelf(), PassingClock()

    async def refused(_at: Checkpoint, _limit: int) -> Batch:
        raise ContentRefusedError("unknown_dependents", "no rule for award.post_id")

    work = await begun(shelf, clock)

    with pytest.raises(PermanentError, match=r"award\.post_id") as refusal:
        await work.walk("rows", refused)
    assert refusal.value.code == "unknown_dependents"


@pytest.mark.parametrize(("is_too_long", "following"), [(False, 400), (True, 100)])
async def test_a_batch_that_others_are_in_the_way_of_is_tried_again_after_a_while(
    is_too_long: bool, following: int
) -> None:
    shelf, clock = Shelf(), PassingClock()
    walk, troubles = Walk(shelf, clock), [StepBusyError("lock timeout", is_too_long=is_too_long)] * 2
    let_through: list[float] = []

    async def hindered(at: Checkpoint, limit: int) -> Batch:
        if troubles:
            raise troubles.pop()
        let_through.append(clock.monotonic())
        return await walk(at, limit)

    work = await begun(shelf, clock)
    await work.walk("rows", hindered)

    assert walk.limits[0] == following
    assert let_through[0] == pytest.approx(0.1 + 0.2)


async def test_a_batch_that_others_are_always_in_the_way_of_is_given_up() -> None:
    shelf, clock = Shelf(), PassingClock()
    tries: list[int] = []

    async def hindered(_at: Checkpoint, limit: int) -> Batch:
        tries.append(limit)
        raise StepBusyError("deadlock", is_too_long=False)

    work = await begun(shelf, clock)

    with pytest.raises(StoreUnavailableError, match="deadlock"):
        await work.walk("rows", hindered)
    assert len(tries) == 6
    assert shelf.kept is not None


async def test_batches_are_followed_by_a_pause() -> None:
    shelf, clock = Shelf(), PassingClock()
    work = await begun(shelf, clock, pause_ms=1000)

    await work.walk("rows", Walk(shelf, clock, seconds=0.1))

    # Three batches of a tenth of a second, and a pause between each and the next.
    assert clock.monotonic() == pytest.approx(2.3)


async def test_a_run_stands_back_while_the_database_is_in_trouble() -> None:
    shelf, clock, run = Shelf(), PassingClock(), RecordedRun()
    work = await begun(shelf, clock, run, Load(troubled=3))

    await work.walk("rows", Walk(shelf, clock, seconds=0.1))
    done = await work.end()

    assert (done.facts["status"], done.facts["throttled_ms"]) == ("completed", 15_000)
    assert clock.monotonic() == pytest.approx(15.3)
    assert run.log.lines.count("the database is busy; the rest waits") == 1


async def test_a_database_that_stays_in_trouble_gets_the_rest_later() -> None:
    shelf, clock = Shelf(), PassingClock()
    walk = Walk(shelf, clock)
    work = await begun(shelf, clock, load=Load(troubled=1000))

    await work.walk("rows", walk)
    done = await work.end()

    assert len(walk.limits) == 1
    assert isinstance(done, Continue)
    assert (done.facts["status"], done.facts["reason"]) == ("partial", "database_busy")
    assert done.facts["throttled_ms"] == 120_000
    assert shelf.kept is not None


async def test_who_stands_back_can_be_cancelled_and_runs_out_of_time() -> None:
    shelf, clock = Shelf(), PassingClock()
    cancelled = await begun(shelf, clock, RecordedRun(cancelled_at_check=3), Load(troubled=1000))
    with pytest.raises(RunCancelledError):
        await cancelled.walk("rows", Walk(shelf, clock))
    late = await begun(shelf, clock, load=Load(troubled=1000), max_runtime_s=10)

    await late.walk("rows", Walk(shelf, clock))

    assert (await late.end()).facts["reason"] == "max_runtime"


async def test_the_load_is_looked_at_every_second_at_most() -> None:
    shelf, clock, load = Shelf(), PassingClock(), Load()
    work = await begun(shelf, clock, load=load, batch_size=100)

    await work.walk("rows", Walk(shelf, clock, seconds=0.3))

    # Behind the first of ten batches, and then behind every fourth.
    assert load.looks == 3


@pytest.mark.parametrize(
    ("size", "seconds", "following"),
    [
        (1000, 0.51, 500),
        (1000, 0.5, 1000),
        (1000, 0.125, 1000),
        (1000, 0.124, 1500),
        (1500, 0.1, 2000),
        (2000, 0.1, 2000),
        (70, 9.0, 50),
        (50, 9.0, 50),
        (51, 0.1, 77),
    ],
)
def test_how_the_size_of_batches_follows_their_time(size: int, seconds: float, following: int) -> None:
    pace = Pace(size, size_max=2000, target_seconds=0.25)

    pace.took(seconds)

    assert pace.size == following


@given(st.integers(1, 20_000), st.lists(st.floats(0, 100), max_size=60))
def test_a_batch_never_shrinks_to_nothing_nor_grows_beyond_what_was_asked(size: int, times: list[float]) -> None:
    pace = Pace(size, size_max=size, target_seconds=0.25)

    for seconds in times:
        pace.took(seconds)

        assert min(50, size) <= pace.size <= size


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=20))
def test_sums_are_those_of_the_batches(steps: list[tuple[int, bool]]) -> None:
    clock = PassingClock()
    place = Checkpoint("task", "scope", "run", 1, clock.now(), clock.now())

    for number, (count, is_last) in enumerate(steps):
        place = place.entering(f"phase {number}").after(Batch(ROWS, count, {"a": count, "b": 0}, count, is_last))

    assert place.rows.get("a", 0) == place.changed == sum(count for count, _ in steps)
    assert len(place.finished) == sum(is_last for _, is_last in steps)
