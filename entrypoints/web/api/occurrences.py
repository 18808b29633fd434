"""The API of what will come: a schedule in words, its next occurrences, and what there is to know of them."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from aiohttp import web

from application.scheduling.documents import finding_document
from application.scheduling.drafts import TaskBody, body_from, schedule_from
from application.scheduling.iso_text import instant
from application.scheduling.services.forecast import ComingOccurrence, Forecast
from domain.scheduling.cron.lint import Finding
from domain.scheduling.cron.zone import zone
from entrypoints.web.answers import json_answer
from entrypoints.web.api.documents import FlagDocument, ForecastDocument, OccurrenceDocument, TaskForecastDocument
from entrypoints.web.api.parameters import COUNT
from entrypoints.web.contract import examples
from entrypoints.web.contract.operations import ok, operation
from entrypoints.web.keys import SERVICES
from entrypoints.web.requests.bodies import RequestBody, json_body
from entrypoints.web.requests.ids import task_id_of
from entrypoints.web.requests.parameters import QUERY

STAND_IN = "preview"


class PreviewBody(TaskBody):
    """A task that is being written: what does not matter for its occurrences may be missing."""

    name: str = STAND_IN
    task_type: str = STAND_IN


PREVIEW = RequestBody(PreviewBody, examples=examples.PREVIEWS)


@operation("Tell what a task will run next", ok(TaskForecastDocument, "Its next occurrences."), query=(COUNT,))
async def upcoming_of_task(request: web.Request) -> web.Response:
    """The next occurrences of a task if it stays as it is; of a paused one as if it were resumed now."""
    services = request.app[SERVICES]
    task = (await services.inspect.task(task_id_of(request))).task
    forecast = services.preview.forecast_of_task(task, request[QUERY][COUNT])
    document: TaskForecastDocument = {"task_id": task.id, **_document(forecast)}
    return json_answer(document)


@operation("Preview a schedule", ok(ForecastDocument, "Its next occurrences."), query=(COUNT,), body=PREVIEW)
async def preview(request: web.Request) -> web.Response:
    """The next occurrences of a task with this body; nothing is stored, and name and type may be missing.

    `lint` has what the schedule itself is warned of, how crowded its first minute is, and where croniter disagrees.
    """
    document = await json_body(request)
    if isinstance(document, Mapping):
        document = {"name": STAND_IN, "task_type": STAND_IN, **document}
    services, body = request.app[SERVICES], body_from(document)
    forecast = services.preview.forecast_of_body(body, request[QUERY][COUNT])
    schedule = schedule_from(body, now=services.clock.now())
    shown = [each.occurrence.nominal_at for each in forecast.coming]
    advice = await services.advise.on(schedule, forecast.timezone, shown)
    return json_answer(_document(forecast, advice))


def _document(forecast: Forecast, advice: Sequence[Finding] = ()) -> ForecastDocument:
    shown_in = zone(forecast.timezone)
    return {
        "timezone": forecast.timezone,
        "sentence": forecast.sentence,
        "upcoming": [_occurrence(each, shown_in) for each in forecast.coming],
        "lint": [finding_document(each) for each in (*forecast.findings, *advice)],
    }


def _occurrence(coming: ComingOccurrence, shown_in: ZoneInfo) -> OccurrenceDocument:
    occurrence = coming.occurrence
    return {
        "nominal_at": instant(occurrence.nominal_at),
        "run_at": instant(occurrence.run_at),
        "local": occurrence.run_at.astimezone(shown_in).isoformat(),
        "utc": instant(occurrence.run_at),
        "flags": _flags(coming),
    }


def _flags(coming: ComingOccurrence) -> list[FlagDocument]:
    """What is out of the ordinary about it: `jitter`, and the codes of clock changes."""
    flags: list[FlagDocument] = []
    if coming.affected is not None:
        flags.append({"code": coming.affected.effect, "detail": coming.affected.told})
    delay = coming.occurrence.run_at - coming.occurrence.nominal_at
    if delay:
        flags.append({"code": "jitter", "detail": f"delayed by {delay.total_seconds():.3f} s"})
    return flags
