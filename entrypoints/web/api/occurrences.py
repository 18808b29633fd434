"""The API of what will come: a schedule in words, its next occurrences, and what there is to know of them."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from aiohttp import web

from application.scheduling.documents import Document, finding_document, instant
from application.scheduling.drafts import body_from
from application.scheduling.services.preview import COUNT_MAX, ComingOccurrence, Forecast
from domain.scheduling.cron.zone import zone
from entrypoints.web.answers import json_answer
from entrypoints.web.bodies import json_body
from entrypoints.web.ids import task_id_of
from entrypoints.web.keys import SERVICES
from entrypoints.web.parameters import Query

COUNT_DEFAULT = 10


async def upcoming_of_task(request: web.Request) -> web.Response:
    """The next occurrences of a task if it stays as it is; of a paused one as if it were resumed now."""
    count = Query(request, "count").number("count", default=COUNT_DEFAULT, most=COUNT_MAX)
    services = request.app[SERVICES]
    task = (await services.inspect.task(task_id_of(request))).task
    return json_answer({"task_id": task.id, **_document(services.preview.forecast_of_task(task, count))})


async def preview(request: web.Request) -> web.Response:
    """The next occurrences of a task with this body; nothing is stored, and name and type may be missing."""
    count = Query(request, "count").number("count", default=COUNT_DEFAULT, most=COUNT_MAX)
    document = await json_body(request)
    if isinstance(document, Mapping):
        document = {"name": "preview", "task_type": "preview", **document}
    return json_answer(_document(request.app[SERVICES].preview.forecast_of_body(body_from(document), count)))


def _document(forecast: Forecast) -> Document:
    shown_in = zone(forecast.timezone)
    return {
        "timezone": forecast.timezone,
        "sentence": forecast.sentence,
        "upcoming": [_occurrence(each, shown_in) for each in forecast.coming],
        "lint": [finding_document(each) for each in forecast.findings],
    }


def _occurrence(coming: ComingOccurrence, shown_in: ZoneInfo) -> Document:
    occurrence = coming.occurrence
    return {
        "nominal_at": instant(occurrence.nominal_at),
        "run_at": instant(occurrence.run_at),
        "local": occurrence.run_at.astimezone(shown_in).isoformat(),
        "utc": instant(occurrence.run_at),
        "flags": _flags(coming),
    }


def _flags(coming: ComingOccurrence) -> list[Document]:
    """What is out of the ordinary about it: `jitter`, and the codes of clock changes."""
    flags: list[Document] = []
    if coming.affected is not None:
        flags.append({"code": coming.affected.effect, "detail": coming.affected.told})
    delay = coming.occurrence.run_at - coming.occurrence.nominal_at
    if delay:
        flags.append({"code": "jitter", "detail": f"delayed by {delay.total_seconds():.3f} s"})
    return flags
