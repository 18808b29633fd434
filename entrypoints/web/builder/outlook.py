"""What a form would do if it were saved: when it would run, what to know of that, and what would change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from application.scheduling.differences import Difference, differences
from application.scheduling.drafts import body_from, define, schedule_from
from application.scheduling.services.preview import ComingOccurrence, Forecast
from domain.errors import DomainError
from domain.scheduling.cron.lint import Finding
from domain.scheduling.task import ScheduledTask
from entrypoints.web.builder.desk import Desk
from entrypoints.web.builder.faults import Told, told
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
        (*forecast.findings, *advice),
        changes=None if present is None else _changes(services, desk.fields, present),
    )


def _changes(services: WebServices, fields: Mapping[str, str], present: ScheduledTask) -> Sequence[Difference] | None:
    definition = present.definition
    try:
        body = body_from(document_of(fields, present=definition))
        return differences(definition, define(body, now=services.clock.now(), present=definition))
    except DomainError:
        return None
