"""What a form would do if it were saved: when it would run, what to know of that, and what would change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

from application.scheduling.differences import Difference, differences
from application.scheduling.drafts import body_from, define, schedule_from
from application.scheduling.services.forecast import ComingOccurrence, Forecast
from domain.errors import DomainError
from domain.scheduling.cron.lint import Finding, Severity
from domain.scheduling.task import ScheduledTask
from entrypoints.web.builder.desk import Desk
from entrypoints.web.builder.faults import LATER_OR_AT_ONCE, Told, told
from entrypoints.web.builder.form import document_of, preview_document
from entrypoints.web.keys import WebServices

COUNT = 10


@dataclass(frozen=True, slots=True)
class Outlook:
    """The preview of a form; `forecast` is None if its schedule cannot be read, and `faults` say why.

    `coming` has each occurrence with the time since the one before; `changes` are None for what is no edit, or cannot
    be saved yet.
    """

    forecast: Forecast | None = None
    coming: Sequence[tuple[ComingOccurrence, timedelta | None]] = ()
    findings: Sequence[Finding] = ()
    faults: Sequence[Told] = ()
    changes: Sequence[Difference] | None = None


async def outlook(services: WebServices, desk: Desk) -> Outlook:
    """What the form as it stands would do. Raises StoreUnavailableError."""
    now, present = services.clock.now(), desk.present
    try:
        body = body_from(preview_document(desk.fields))
        forecast = services.preview.forecast_of_body(body, COUNT, present=present)
        schedule = schedule_from(body, now=now, present=present.definition if present else None)
    except DomainError as error:
        return Outlook(faults=told(error, desk.fields, desk.inputs))
    shown = [each.occurrence.nominal_at for each in forecast.coming]
    advice = await services.advise.on(schedule, forecast.timezone, shown, present)
    gaps = [None, *(later - earlier for earlier, later in pairwise(shown))]
    return Outlook(
        forecast,
        tuple(zip(forecast.coming, gaps, strict=False)),
        [_for_people(finding, desk) for finding in (*forecast.findings, *advice)],
        changes=None if present is None else _changes(services, desk.fields, present),
    )


def _for_people(finding: Finding, desk: Desk) -> Finding:
    """What the API says of an instant that has passed, as the form can answer it."""
    if finding.code != "one_time_past":
        return finding
    if desk.present is not None:
        hint = "a new schedule needs a later one; what has passed can be run by hand"
        return replace(finding, detail="the instant has passed", hint=hint)
    if desk.fields["if_past"]:
        detail = "the instant has passed: the task runs at once when it is created"
        return replace(finding, severity=Severity.INFO, detail=detail, hint=None)
    return replace(finding, hint=LATER_OR_AT_ONCE)


def _changes(services: WebServices, fields: Mapping[str, str], present: ScheduledTask) -> Sequence[Difference] | None:
    definition = present.definition
    try:
        body = body_from(document_of(fields, present=definition))
        return differences(definition, define(body, now=services.clock.now(), present=definition))
    except DomainError:
        return None
