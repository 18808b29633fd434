"""What a task owes at one instant: the heart of the house (protocol 2).

An occurrence is decided when its run instant has come. Misfire picks among the undecided ones, overlap admits what
was picked, and whatever is left lies in Skips, so that every occurrence up to the watermark is accounted for. All of
it is arithmetic on the task as it was read; `good_until` says how long that arithmetic stays true.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, assert_never

from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import MICROSECOND, ExecutionId
from domain.scheduling.policy import ON_TIME, ExecutionPolicy, Misfire, Overlap
from domain.scheduling.task import Delivery, OpenExecution, ScheduledTask, Skip, SkipReason
from domain.scheduling.timeline import Occurrence, Timeline

SKIPS_MAX = 3


class Start(NamedTuple):
    """An occurrence to run, and the state its execution is born in."""

    occurrence: Occurrence
    state: ExecutionState


@dataclass(frozen=True, slots=True)
class Firing:
    """What a task owes at one instant: what to run, what to pass over, when to look again.

    `run` and `skips` ascend; a skip that begins where the task's last one does extends it. The decision is that of
    `decided_at`, and no instant in it is later: committed before, or at or after `good_until` (None: any time), it
    would be another one.
    """

    run: tuple[Start, ...]
    cancel: tuple[ExecutionId, ...]
    skips: tuple[Skip, ...]
    decided_until: datetime
    next_occurrence: Occurrence | None
    decided_at: datetime
    good_until: datetime | None

    @property
    def is_plain(self) -> bool:
        """True if nothing ends with it: no execution, cancelled or born final, and not the task."""
        ends = self.cancel or self.next_occurrence is None or any(start.state.is_final for start in self.run)
        return not ends

    @property
    def trailing_skip(self) -> Skip | None:
        """The last Skip, if nothing ran after it: the one a later firing may extend."""
        if not self.skips or (self.run and self.run[-1].occurrence.nominal_at > self.skips[-1].last_at):
            return None
        return self.skips[-1]


class Undecided(NamedTuple):
    """The occurrences to decide, by their ends: there may be millions between them."""

    timeline: Timeline
    oldest: Occurrence
    newest: Occurrence

    def before(self, occurrence: Occurrence) -> Occurrence | None:
        """The one before, if it is still among the undecided."""
        if occurrence.nominal_at <= self.oldest.nominal_at:
            return None
        return self.timeline.newest(
            after=self.oldest.nominal_at - MICROSECOND, until=occurrence.nominal_at - MICROSECOND
        )

    def since(self, limit: datetime) -> "Undecided | None":
        """Those with a run instant not before `limit`."""
        if self.oldest.run_at >= limit:
            return self
        if self.newest.run_at < limit:
            return None
        # The last one due by the limit may run after it; the one before that runs before the last one is due.
        last = self.timeline.newest(after=self.oldest.nominal_at - MICROSECOND, until=limit)
        if last is not None and last.run_at >= limit:
            last = self.before(last)
        first = self.oldest if last is None else self.timeline.after(last.nominal_at)
        assert first is not None, "the newest lies behind the limit, so there is a first"
        return self._replace(oldest=first)

    def newest_few(self, most: int) -> tuple[Occurrence, ...]:
        """The newest `most` of them, ascending."""
        found = [self.newest]
        while len(found) < most and (earlier := self.before(found[-1])) is not None:
            found.append(earlier)
        return tuple(reversed(found))


class Admitted(NamedTuple):
    """What overlap made of the picked occurrences."""

    start: tuple[Start, ...]
    cancel: tuple[ExecutionId, ...]
    left: tuple[Occurrence, ...]


def fire(task: ScheduledTask, now: datetime) -> Firing:
    """Decide every occurrence of `task` whose run instant lies in (decided_until, now].

    A `now` before the watermark decides nothing and leaves the watermark where it is.
    """
    until = max(task.decided_until, task.decidable_until(now))
    decided_at = max(task.decided_until, now)
    following = task.occurrence_after(until)
    if (undecided := undecided_until(task, until)) is None:
        return Firing((), (), (), until, following, decided_at, following.run_at if following else None)
    policy = task.definition.policy
    fresh = undecided if policy.grace is None else undecided.since(now - policy.grace)
    picked = () if fresh is None else _pick(policy, fresh, now, task.runs_left)
    external = task.definition.delivery is Delivery.EXTERNAL
    admitted = _deliver(picked) if external else admit(policy.overlap, picked, task.open)
    left = task.runs_left is None or len(admitted.start) < task.runs_left
    skips = _passed_over(undecided, fresh, picked, admitted)
    return Firing(
        run=admitted.start,
        cancel=admitted.cancel,
        skips=_extending(task.trailing_skip, skips, admitted.start),
        decided_until=until,
        next_occurrence=following if left else None,
        decided_at=decided_at,
        good_until=_good_until(policy, fresh, picked, following),
    )


def passing_over(task: ScheduledTask, reason: SkipReason, until: datetime) -> tuple[ScheduledTask, tuple[Skip, ...]]:
    """The task with all it owes up to `until` passed over, as one Skip at most; its watermark never goes back.

    `next_occurrence` is left to the caller, who may have another schedule for what lies behind the watermark.
    """
    until = max(until, task.decided_until)
    decided = replace(task, decided_until=until)
    oldest = task.occurrence_after(task.decided_until)
    newest = task.timeline.newest(after=task.decided_until, until=until)
    if oldest is None or newest is None:
        return decided, ()
    (skip,) = _extending(task.trailing_skip, (skip_of(task.timeline, reason, oldest, newest),), ())
    return replace(decided, trailing_skip=skip), (skip,)


def catching_up(task: ScheduledTask, misfire: Misfire, reason: SkipReason, now: datetime) -> Firing:
    """The firing of a task that comes back: whatever `grace` says, and what misfire leaves is put down to `reason`."""
    policy = replace(task.definition.policy, misfire=misfire, grace=None)
    trailing = task.trailing_skip
    if trailing is not None:
        trailing = replace(trailing, reason=SkipReason.MISFIRE) if trailing.reason is reason else None
    asked = replace(task, definition=replace(task.definition, policy=policy), trailing_skip=trailing)
    firing = fire(asked, now)
    skips = (replace(each, reason=reason) if each.reason is SkipReason.MISFIRE else each for each in firing.skips)
    return replace(firing, skips=tuple(skips))


def undecided_until(task: ScheduledTask, until: datetime) -> Undecided | None:
    """The occurrences in (decided_until, until], or None."""
    oldest = task.next_occurrence
    if oldest is None or oldest.nominal_at > until or task.runs_left == 0:
        return None
    second = task.timeline.after(oldest.nominal_at)
    if second is None or second.nominal_at > until:
        return Undecided(task.timeline, oldest, oldest)
    newest = task.timeline.newest(after=task.decided_until, until=until)
    return Undecided(task.timeline, oldest, newest or oldest)


def skip_of(timeline: Timeline, reason: SkipReason, first: Occurrence, last: Occurrence) -> Skip:
    """The Skip over `first` to `last`, counted up to COUNT_MAX (intervals: exactly)."""
    count, at_least = timeline.count(first, last)
    return Skip(reason, first.nominal_at, last.nominal_at, count, at_least)


def _pick(policy: ExecutionPolicy, fresh: Undecided, now: datetime, runs_left: int | None) -> tuple[Occurrence, ...]:
    match policy.misfire:
        case Misfire.LATEST:
            return (fresh.newest,)
        case Misfire.EARLIEST:
            return (fresh.oldest,)
        case Misfire.ALL:
            most = policy.catch_up_max if runs_left is None else min(policy.catch_up_max, runs_left)
            return fresh.newest_few(most)
        case Misfire.SKIP:
            return (fresh.newest,) if now - fresh.newest.run_at <= ON_TIME else ()
        case _:
            assert_never(policy.misfire)


def admit(overlap: Overlap, picked: tuple[Occurrence, ...], open_: tuple[OpenExecution, ...]) -> Admitted:
    """Which of the picked occurrences may start beside the open executions, oldest first."""
    if not picked:
        return Admitted((), (), ())
    match overlap:
        case Overlap.ALLOW:
            return Admitted(tuple(Start(each, ExecutionState.PENDING) for each in picked), (), ())
        case Overlap.SKIP:
            return _first_of(picked, () if open_ else (ExecutionState.PENDING,))
        case Overlap.QUEUE_ONE:
            if not open_:
                return _first_of(picked, (ExecutionState.PENDING, ExecutionState.WAITING))
            someone_waits = any(each.state is ExecutionState.WAITING for each in open_)
            return _first_of(picked, () if someone_waits else (ExecutionState.WAITING,))
        case Overlap.CANCEL_PREVIOUS:
            runs = any(each.state is ExecutionState.RUNNING for each in open_)
            state = ExecutionState.WAITING if runs else ExecutionState.PENDING
            return Admitted((Start(picked[-1], state),), tuple(each.id for each in open_), picked[:-1])
        case _:
            assert_never(overlap)


def _first_of(picked: tuple[Occurrence, ...], states: tuple[ExecutionState, ...]) -> Admitted:
    start = tuple(Start(each, state) for each, state in zip(picked, states, strict=False))
    return Admitted(start, (), picked[len(start) :])


def _deliver(picked: tuple[Occurrence, ...]) -> Admitted:
    return Admitted(tuple(Start(each, ExecutionState.DELIVERED) for each in picked), (), ())


def _passed_over(
    undecided: Undecided, fresh: Undecided | None, picked: tuple[Occurrence, ...], admitted: Admitted
) -> tuple[Skip, ...]:
    """Everything that does not start, as at most one contiguous Skip a reason."""
    skips = []
    timeline = undecided.timeline
    if fresh is None:
        return (skip_of(timeline, SkipReason.GRACE, undecided.oldest, undecided.newest),)
    if (stale := undecided.before(fresh.oldest)) is not None:
        skips.append(skip_of(timeline, SkipReason.GRACE, undecided.oldest, stale))
    skips += _misfired(fresh, picked)
    if admitted.left:
        skips.append(skip_of(timeline, SkipReason.OVERLAP, admitted.left[0], admitted.left[-1]))
    return tuple(sorted(skips, key=lambda skip: skip.first_at))


def _misfired(fresh: Undecided, picked: tuple[Occurrence, ...]) -> list[Skip]:
    """The fresh occurrences misfire did not pick: they lie before what it picked, or (earliest) all behind it."""
    if not picked:
        return [skip_of(fresh.timeline, SkipReason.MISFIRE, fresh.oldest, fresh.newest)]
    if (last := fresh.before(picked[0])) is not None:
        return [skip_of(fresh.timeline, SkipReason.MISFIRE, fresh.oldest, last)]
    if picked[-1].nominal_at < fresh.newest.nominal_at:
        first = fresh.timeline.after(picked[-1].nominal_at)
        assert first is not None, "the newest lies behind what was picked"
        return [skip_of(fresh.timeline, SkipReason.MISFIRE, first, fresh.newest)]
    return []


def _extending(trailing: Skip | None, skips: tuple[Skip, ...], start: tuple[Start, ...]) -> tuple[Skip, ...]:
    """The skips, the first joined to the task's trailing one if it goes on with the same reason and nothing between."""
    if trailing is None or not skips or skips[0].reason is not trailing.reason:
        return skips
    if start and start[0].occurrence.nominal_at < skips[0].first_at:
        return skips
    return (_joined(trailing, skips[0]), *skips[1:])


def _joined(earlier: Skip, later: Skip) -> Skip:
    """One Skip over both, with the identity (`first_at`) of the earlier."""
    return replace(
        earlier,
        last_at=later.last_at,
        count=earlier.count + later.count,
        at_least=earlier.at_least or later.at_least,
    )


def _good_until(
    policy: ExecutionPolicy, fresh: Undecided | None, picked: tuple[Occurrence, ...], following: Occurrence | None
) -> datetime | None:
    """The first instant at which this decision would be another one; the bounds themselves are still on time."""
    bounds = []
    if following is not None and policy.misfire is not Misfire.ALL:
        bounds.append(following.run_at)
    if picked and policy.misfire is Misfire.SKIP:
        bounds.append(picked[-1].run_at + ON_TIME + MICROSECOND)
    if fresh is not None and policy.grace is not None:
        bounds.append(fresh.oldest.run_at + policy.grace + MICROSECOND)
    return min(bounds, default=None)
