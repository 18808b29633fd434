"""From the records to the answer: what was decided for the time asked about, what else ran, what stands beside it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from application.scheduling.explanations.absent import before_creation, nothing_due, without_record
from application.scheduling.explanations.answer import Code, Explanation, Finding, Neighbour, Remark
from application.scheduling.explanations.case import Case, Due
from application.scheduling.explanations.runs import run_finding
from application.scheduling.explanations.skips import CODES, skip_finding
from application.scheduling.explanations.tally import tally
from application.scheduling.explanations.words import counted
from application.scheduling.ports.records import EVIDENCE_MAX
from domain.scheduling.asked_time import AskedTime, Shown
from domain.scheduling.cron.expression import parse
from domain.scheduling.execution import ExecutionKind
from domain.scheduling.identifiers import EPOCH, MICROSECOND
from domain.scheduling.schedule import CronSchedule
from domain.scheduling.task import ScheduledTask, Skip
from domain.scheduling.timeline import Occurrence

ALSO_MAX = 10


def explained(case: Case, spans: Sequence[Case], asked: AskedTime, shown: Shown, *, zone_known: bool) -> Explanation:
    """The answer for the case of all that was asked; `spans` are its parts, a case for each time a clock shows it."""
    findings = tuple(finding for each in spans for finding in _findings(each))
    also = {each.execution.id: run_finding(part, each) for part in spans for each in part.meanwhile()}
    told = {execution.id for finding in findings for execution in finding.executions[:1]}
    others = [finding for execution_id, finding in also.items() if execution_id not in told]
    main = [each for each in findings if not each.code.is_nothing] or findings[:1]
    return Explanation(
        task_id=case.task_id,
        task_name="" if case.task is None else case.task.definition.name,
        asked=asked.text,
        timezone=case.face.timezone,
        spans=tuple(each.span for each in spans),
        now=case.now,
        records_since=case.records_since,
        code=main[0].code if len(main) == 1 else Code.SEVERAL,
        summary=main[0].sentences[0] if len(main) == 1 else tally(main),
        findings=findings,
        remarks=dict(_remarks(case, spans, asked, shown, zone_known=zone_known)),
        also=tuple(others[-ALSO_MAX:]),
        before=_before(case),
        after=_after(case),
    )


def _findings(case: Case) -> list[Finding]:
    """What is to be told of one span, in the order of time."""
    due, runs = case.due(), case.runs()
    found = [*(run_finding(case, each) for each in runs), *_skips(case, due), *without_record(case, due)]
    # What people asked for does not say what the schedule had.
    is_bare = len(found) == sum(each.execution.kind is not ExecutionKind.AUTO for each in runs)
    nothing, early = nothing_due(case, due) if is_bare else None, before_creation(case)
    if nothing is not None and (early is None or nothing.code is not Code.NOT_DUE):
        found.append(nothing)
    return sorted([*found, early] if early else found, key=_place)


def _place(finding: Finding) -> tuple[bool, datetime]:
    if finding.at is not None:
        return False, finding.at
    created = [each.created_at for each in finding.executions[:1]]
    return not created, created[0] if created else EPOCH


def _skips(case: Case, due: Due) -> Iterator[Finding]:
    for skip in case.evidence.skips:
        held = [each.nominal_at for each in due.occurrences if skip.first_at <= each.nominal_at <= skip.last_at]
        ends = [each for each in {skip.first_at, skip.last_at} if each in case.span]
        if skip.first_at in case.span and skip.last_at in case.span:
            yield skip_finding(case, skip, skip.first_at, count=skip.count, at_least=skip.at_least)
        elif held or ends:
            count = max(len(held), len(ends))
            yield skip_finding(case, skip, min(held or ends), count=count, at_least=due.is_cut)
        elif not due.is_known and skip.first_at < case.span.until and skip.last_at >= case.span.since:
            yield skip_finding(case, skip, None, count=0, at_least=True)


def _remarks(
    case: Case, spans: Sequence[Case], asked: AskedTime, shown: Shown, *, zone_known: bool
) -> Iterator[tuple[Remark, str]]:
    zone = case.face.timezone
    if not zone_known:
        yield Remark.ZONE_UNKNOWN, "The zone of the task is not known: the time is taken as UTC."
    if shown is Shown.NEVER:
        yield Remark.GAP, f"{asked.text} does not exist in {zone}: {_gap(case)}"
    if shown is Shown.TWICE:
        both = " and ".join(case.face.at(each.span.since) for each in spans)
        yield Remark.FOLD, f"Clocks in {zone} show {asked.text} more than once: {both}. Each is told."
    if case.evidence.is_cut:
        yield (
            Remark.CUT,
            f"There is more than can be told at once: the first {EVIDENCE_MAX} records are. Ask for less time.",
        )
    if case.namesakes:
        yield Remark.NAMESAKE, " ".join(map(partial(_namesake, case), case.namesakes))


def _namesake(case: Case, other: ScheduledTask) -> str:
    until = case.face.at(other.deleted_at or case.now)
    return f"Until {until} another task bore this name, which was deleted then: {other.id}."


def _gap(case: Case) -> str:
    after = case.span.since
    begin = case.face.at(after - MICROSECOND * 1_000_000)
    rule = "What a schedule has among the skipped times runs then, once."
    schedule = case.task.definition.schedule if case.task else None
    if isinstance(schedule, CronSchedule) and parse(schedule.expression).covers_every_hour:
        rule = "A schedule for every hour of the day leaves skipped times out."
    return f"the second after {begin} is {case.face.at(after)}. {rule} This tells of {case.face.at(after)}."


def _before(case: Case) -> Neighbour | None:
    """The decision before, as recorded, or the occurrence that comes before, if that is still to be decided."""
    since = case.span.since
    if (coming := case.coming(before=since)) is not None:
        return _coming(case, coming)
    due = case.due_next_to(before=since)
    if due is not None and (around := case.skip_of(due.nominal_at)) is not None:
        return _passed_over(case, around, due.nominal_at)
    skip = next((each for each in reversed(case.evidence.skips) if each.last_at < since), None)
    run = case.nearest_auto(before=since)
    if run is None or run.nominal_at is None or (skip is not None and skip.last_at > run.nominal_at):
        return None if skip is None else _passed_over(case, skip, skip.last_at)
    return Neighbour(run.nominal_at, Code(run.state), f"{case.face.at(run.nominal_at)}: {run.state}", run.id)


def _after(case: Case) -> Neighbour | None:
    last = case.span.until - MICROSECOND
    due = case.due_next_to(behind=last)
    if due is not None and (around := case.skip_of(due.nominal_at)) is not None:
        return _passed_over(case, around, due.nominal_at)
    skip = next((each for each in case.evidence.skips if each.first_at > last), None)
    run = case.nearest_auto(behind=last)
    if run is not None and run.nominal_at is not None and (skip is None or run.nominal_at < skip.first_at):
        return Neighbour(run.nominal_at, Code(run.state), f"{case.face.at(run.nominal_at)}: {run.state}", run.id)
    if skip is not None:
        return _passed_over(case, skip, skip.first_at)
    coming = case.coming(behind=last)
    return None if coming is None else _coming(case, coming)


def _coming(case: Case, coming: Occurrence) -> Neighbour:
    at = coming.nominal_at
    if coming.run_at <= case.now:
        return Neighbour(at, Code.OVERDUE, f"{case.face.at(at)}: overdue, not decided yet")
    return Neighbour(at, Code.UPCOMING, f"{case.face.at(at)}: to come")


def _passed_over(case: Case, skip: Skip, at: datetime) -> Neighbour:
    more = "" if skip.count == 1 else f", one of {counted(skip.count, 'occurrence')}"
    return Neighbour(at, CODES[skip.reason], f"{case.face.at(at)}: passed over ({skip.reason}{more})")
