"""The API of what will come: the next occurrences of a task, or of one that is being written."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from aiohttp import web

from application.scheduling.documents import Document, instant
from application.scheduling.drafts import body_from
from application.scheduling.services.preview import COUNT_MAX
from domain.scheduling.cron.zone import zone
from domain.scheduling.timeline import Occurrence
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
    timezone = task.definition.timezone
    upcoming = services.preview.of_task(task, count)
    return json_answer({"task_id": task.id, "timezone": timezone, "upcoming": _documents(upcoming, zone(timezone))})


async def preview(request: web.Request) -> web.Response:
    """The next occurrences of a task with this body; nothing is stored, and name and type may be missing."""
    count = Query(request, "count").number("count", default=COUNT_DEFAULT, most=COUNT_MAX)
    document = await json_body(request)
    if isinstance(document, Mapping):
        document = {"name": "preview", "task_type": "preview", **document}
    body = body_from(document)
    upcoming = request.app[SERVICES].preview.of_body(body, count)
    return json_answer({"timezone": body.timezone, "upcoming": _documents(upcoming, zone(body.timezone))})


def _documents(occurrences: Sequence[Occurrence], shown_in: ZoneInfo) -> list[Document]:
    return [
        {
            "nominal_at": instant(each.nominal_at),
            "run_at": instant(each.run_at),
            "local": each.run_at.astimezone(shown_in).isoformat(),
            "utc": instant(each.run_at),
        }
        for each in occurrences
    ]
