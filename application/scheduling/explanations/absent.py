"""Why there is neither a run nor a Skip: nothing was due, it is not decided yet, or the records don't say."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from application.scheduling.explanations.alive import lacking
from application.scheduling.explanations.answer import Code, Finding
from application.scheduling.explanations.case import Case, Due
from application.scheduling.explanations.holding import HELD, RELEASING, is_held, standing
from application.scheduling.explanations.words import counted, sentence, span
from domain.scheduling.asked_time import Span
from domain.scheduling.change import ChangeAction
from domain.scheduling.identifiers import MICROSECOND
from domain.scheduling.policy import Overlap
from domain.scheduling.task import Definition, Quarantine, ScheduledTask, TaskStatus
from domain.scheduling.timeline import Occurrence, Timeline

_OLDER = "this is older than the records kept (since {since})"


def without_record(case: Case, due: Due) -> list[Finding]:
    """What is to be told of the occurrences of the span that neither ran nor lie in a Skip, each thing once."""
    bare = [each for each in due.occurrences if not case.is_recorded(each.nominal_at)]
    task = case.task
    if task is None:
        return [_unreadable(case, bare[0].nominal_at if bare else None)] if bare else []
    open_ = [each for each in bare if each.nominal_at > task.decided_until]
    # Of a span with more than was read, what was not read may well be on record.
    lost = [each for each in bare if each.nominal_at <= task.decided_until and not case.evidence.is_cut]
    said = [_of_many(_lost(case, lost), len(lost), due)] if lost else []
    said += [_of_many(each[0], len(each), due) for each in _to_decide(case, task, open_)]
    return [_told(each) for each in said]


def nothing_due(case: Case, due: Due) -> Finding:
    """Why the span has no occurrence at all, as far as that can be told."""
    task = case.task
    if task is None:
        return _told(_unreadable(case, None))
    if case.span.until <= task.created_at:
        return _told(_not_created(case, task, "the task did not exist yet"))
    if case.span.until <= case.horizon:
        return _told(_older(case))
    if task.quarantine is not None and case.span.until > task.decided_until and not due.is_known:
        return _told(_quarantined(case, task.quarantine, "what is due then cannot be told", None))
    if not due.is_known:
        return _told(_version_gone())
    return _told(_nothing_by(case, task))


def before_creation(case: Case) -> Finding | None:
    """That the schedule would have had something in the span before the task was created; None: it had not."""
    task, unborn = case.task, case.unborn()
    if task is None or unborn is None or case.is_recorded(unborn.nominal_at):
        return None
    had = f"the task did not exist yet at {case.face.at(unborn.nominal_at)}, when its schedule would have had a run"
    return _told(replace(_not_created(case, task, had), at=unborn.nominal_at))


def _not_created(case: Case, task: ScheduledTask, head: str) -> Finding:
    created = case.change_made({ChangeAction.CREATE}, at=task.created_at)
    by = f", {case.face.made(created.change)}" if created else f" at {case.face.at(task.created_at)}"
    return Finding(Code.BEFORE_CREATION, (f"{head}: it was created later{by}",), changes=(created,) if created else ())


def older_than_records(case: Case) -> bool:
    """True if nothing about the span can be told from records any more, but for what happens to be left of them."""
    return case.span.until <= case.horizon and (case.task is None or case.span.until > case.task.created_at)


def _older(case: Case) -> Finding:
    return Finding(Code.OLDER_THAN_RECORDS, (_OLDER.format(since=case.face.at(case.records_since)),))


def _version_gone() -> Finding:
    says = "the version of the task that was in force then is no longer on record, so what it was due for is not known"
    return Finding(Code.NO_RECORD, (says, "neither a run nor a passed-over occurrence is on record for this time"))


def _nothing_by(case: Case, task: ScheduledTask) -> Finding:
    at = case.span.since
    if task.deleted_at is not None and at >= task.deleted_at:
        return _deleted(case, task)
    definition = case.definition_at(case.span.until) or task.definition
    if (bound := _outside(case, task, definition)) is not None:
        return bound
    version = case.version_at(case.span.until)
    schedule = f"{definition.schedule_text!r} ({definition.timezone}, version {version})"
    passed = _newest(Timeline(task.id, definition.schedule), case.span)
    lacks, was = f"the schedule {schedule} has no occurrence at that time", _was(case, case.span.until)
    if passed is not None:
        lacks = f"when the schedule {schedule} had one, at {case.face.at(passed.nominal_at)}, it was not in force yet"
        was = _was(case, passed.nominal_at)
    finding = Finding(Code.NOT_DUE, (f"nothing {was} due then: {lacks}",))
    ended = task.status in (TaskStatus.COMPLETED, TaskStatus.FAILED) and at > task.decided_until
    return finding.adding(f"the task is {task.status} by now") if ended else finding


def _outside(case: Case, task: ScheduledTask, definition: Definition) -> Finding | None:
    """That the schedule would have an occurrence in the span, were it not for start_at or end_at."""
    policy, when = definition.policy, case.span
    if policy.start_at is not None and when.since < policy.start_at:
        bound = f"its start, {case.face.at(policy.start_at)}"
        side = "before"
    elif policy.end_at is not None and when.until > policy.end_at:
        bound, side = f"its end, {case.face.at(policy.end_at)}", "after"
    else:
        return None
    found = _newest(Timeline(task.id, definition.schedule), when)
    if found is None:
        return None
    says = f"nothing {_was(case, found.nominal_at)} due then: {case.face.at(found.nominal_at)} lies {side} {bound}"
    return Finding(Code.OUT_OF_BOUNDS, (says,), at=found.nominal_at)


def _newest(timeline: Timeline, when: Span) -> Occurrence | None:
    return timeline.newest(after=when.since - MICROSECOND, until=when.until - MICROSECOND)


def _was(case: Case, at: datetime) -> str:
    return "is" if at > case.now else "was"


def _lost(case: Case, lost: list[Occurrence]) -> Finding:
    """Decided, and not on record."""
    at = lost[0].nominal_at
    if at < case.horizon:
        return _older(case)
    version = case.version_at(at)
    definition = case.definition_of(version)
    # An edit that grants more runs decides, without a Skip, what there were no runs for.
    superseded = case.task is not None and version != case.task.version
    if superseded and definition is not None and definition.policy.max_runs is not None:
        says = f"the occurrence of {case.face.at(at)} did not run: max_runs ({definition.policy.max_runs:,})"
        return Finding(Code.MAX_RUNS, (f"{says} had been used up",), at=at)
    says = f"the schedule has an occurrence at {case.face.at(at)}, and it was decided, but no record of that is left"
    why = "the record may have been unreadable, forgotten early, or made under other time zone data"
    return Finding(Code.NO_RECORD, (says, why), at=at)


def _to_decide(case: Case, task: ScheduledTask, occurrences: Sequence[Occurrence]) -> list[list[Finding]]:
    """What is to be told of each of the consecutive occurrences, those together that fare alike."""
    alike: dict[tuple[object, ...], list[Finding]] = {}
    place = case.place_to_come(occurrences[0].nominal_at) if occurrences else 1
    for number, each in enumerate(occurrences, start=place):
        finding = _undecided(case, task, each, number)
        # What a pause does to an occurrence depends on which comes first.
        then = finding.sentences[1:] if finding.code is Code.PAUSED else ()
        alike.setdefault((finding.code, *then), []).append(finding)
    return list(alike.values())


def _undecided(case: Case, task: ScheduledTask, occurrence: Occurrence, place: int) -> Finding:
    at, face = occurrence.nominal_at, case.face
    due = f"the occurrence of {face.at(at)} has not been decided yet"
    if task.deleted_at is not None:
        deleted = _deleted(case, task)
        early = f"{due}, and is not while the task is deleted" if at < task.deleted_at else ""
        return replace(deleted, at=at).adding(early)
    if task.status in (TaskStatus.COMPLETED, TaskStatus.FAILED):
        return _at_an_end(case, task, at)
    if task.runs_left == 0:
        return _used_up(case, task, at)
    if task.quarantine is not None:
        return _quarantined(case, task.quarantine, due, at)
    if task.status is TaskStatus.PAUSED:
        return _paused(case, task, occurrence, due)
    if occurrence.run_at > case.now:
        return _upcoming(case, task, occurrence, place)
    return _overdue(case, at, due, late=f"it is {span(case.now - occurrence.run_at)} late")


def _overdue(case: Case, at: datetime, due: str, *, late: str) -> Finding:
    alive, hold = case.has_scheduler, standing(case)
    if hold is not None:
        says = (f"{due}: {is_held(case, hold)}", late, RELEASING, "" if alive else "no scheduler is running")
        return Finding(Code.OVERDUE, tuple(each for each in says if each), at=at, reason=HELD, holds=(hold,))
    who = "a scheduler is alive and should decide it within moments" if alive else "no scheduler is running"
    reason = "scheduler_alive" if alive else "no_scheduler"
    return Finding(Code.OVERDUE, (f"{due}: {late}", who), at=at, reason=reason)


def _quarantined(case: Case, quarantine: Quarantine, due: str, at: datetime | None) -> Finding:
    says = f"{due}: the task cannot be decided at present: {quarantine.error}"
    return Finding(Code.QUARANTINED, (says, f"it is looked at again at {case.face.at(quarantine.look_at)}"), at=at)


def _upcoming(case: Case, task: ScheduledTask, occurrence: Occurrence, place: int) -> Finding:
    face, at = case.face, occurrence.nominal_at
    jittered = occurrence.run_at != at
    gist = f"it runs at {face.at(occurrence.run_at)}, in {span(occurrence.run_at - case.now)}"
    missing = lacking(case, task.definition)
    reason = "jitter" if jittered and at <= case.now else next(iter(missing), None)
    finding = Finding(Code.UPCOMING, (gist,), at=at, reason=reason, holds=tuple(filter(None, [standing(case)])))
    if jittered:
        finding = finding.adding(f"its instant is {face.at(at)}; its jitter puts it off")
    left = task.runs_left
    if left is not None and place > left:
        runs = f"{counted(left, 'run')} of max_runs {'is' if left == 1 else 'are'} left"
        says = f"it is not to run: {runs}, for the occurrences before it"
        return Finding(Code.MAX_RUNS, (says,), at=at)
    if task.open and task.definition.policy.overlap is Overlap.SKIP:
        named = ", ".join(each.id for each in task.open)
        finding = finding.adding(
            f"that is, if the execution that is open now ({named}) has ended by then (overlap skip)"
        )
    return finding.adding(*missing.values())


def _paused(case: Case, task: ScheduledTask, occurrence: Occurrence, due: str) -> Finding:
    pause = task.pause
    at, face = occurrence.nominal_at, case.face
    why = f": {pause.reason}" if pause and pause.reason else ""
    by = f" by {pause.actor} since {face.at(pause.at)}{why}" if pause else ""
    change = None if pause is None else case.change_made({ChangeAction.PAUSE}, at=pause.at)
    says = f"{due}: the task is paused{by}"
    if pause is not None and pause.until is not None and pause.until <= at:
        then = f"the pause ends by itself at {face.at(pause.until)}, before it: unless that changes, it runs"
    elif pause is not None and pause.until is not None:
        then = f"the pause ends by itself at {face.at(pause.until)}, and passes it over then"
    elif at > case.now:
        then = "it runs if somebody resumes the task before it"
    else:
        then = "whoever resumes the task decides: it is passed over, unless the resume says to run what was missed"
    return Finding(Code.PAUSED, (says, then), at=at, changes=(change,) if change else ())


def _at_an_end(case: Case, task: ScheduledTask, at: datetime) -> Finding:
    head = f"the occurrence of {case.face.at(at)} does not run"
    if task.status is TaskStatus.FAILED:
        last = f"; the last error was {task.last_error}" if task.last_error else ""
        why = (
            f"{counted(task.error_count, 'execution')} in a row" if task.error_count else "too many executions in a row"
        )
        says = f"{head}: the task is stopped, since {why} failed for good{last}"
        return Finding(Code.FAILED, (says, "resume it to go on"), at=at)
    if task.runs_left == 0:
        return _used_up(case, task, at)
    return Finding(Code.COMPLETED, (f"{head}: the task is completed",), at=at)


def _used_up(case: Case, task: ScheduledTask, at: datetime) -> Finding:
    says = (
        f"the occurrence of {case.face.at(at)} does not run: max_runs ({task.definition.policy.max_runs:,}) is used up"
    )
    return Finding(Code.MAX_RUNS, (says,), at=at)


def _deleted(case: Case, task: ScheduledTask) -> Finding:
    gone_at = task.deleted_at or case.now
    change = case.change_made({ChangeAction.DELETE}, at=gone_at)
    how = case.face.made(change.change) if change else f"at {case.face.at(gone_at)}"
    says = f"the task was deleted {how}; nothing runs after that"
    return Finding(Code.DELETED, (says,), changes=(change,) if change else ())


def _unreadable(case: Case, at: datetime | None) -> Finding:
    error = case.evidence.task.error if not isinstance(case.evidence.task, ScheduledTask) else ""
    says = f"the record of the task cannot be read ({error}), and neither a run nor a Skip is on record for this time"
    return Finding(Code.UNREADABLE, (says, "nothing of it is decided until the record can be read again"), at=at)


def _of_many(finding: Finding, count: int, due: Due) -> Finding:
    """The finding about the first of so many occurrences, for all of them."""
    further = f"{'at least ' if due.is_cut else ''}{counted(count - 1, 'further occurrence')}"
    more = f"the same goes for {further} of this time" if count > 1 else ""
    return replace(finding.adding(more), count=count, at_least=due.is_cut)


def _told(finding: Finding) -> Finding:
    return replace(finding, sentences=tuple(sentence(each) for each in finding.sentences))
