"""The API of taking everything away: all tasks as one file, written while it is read."""

from aiohttp import hdrs, web
from typing_extensions import TypedDict

from application.scheduling.exports import LAYOUTS, ExportFormat
from entrypoints.web.api.parameters import choice
from entrypoints.web.contract.operations import Answer, ok, operation
from entrypoints.web.keys import SERVICES
from entrypoints.web.requests.parameters import QUERY

FORMAT = choice("format", "What the file is written in: `yaml` if nothing is said.", ExportFormat)


class ExportDocument(TypedDict):
    """All tasks by their names, as a declarative file has them."""

    apiVersion: str
    tasks: dict[str, dict[str, object]]


@operation(
    "Export all tasks",
    ok(ExportDocument, "With `format=json`."),
    Answer(200, "With `format=yaml`, the same in YAML.", ExportDocument, content_type="application/yaml"),
    Answer(200, "With `format=crontab`, a crontab that says what it loses.", str, content_type="text/plain"),
    query=(FORMAT,),
)
async def export_tasks(request: web.Request) -> web.StreamResponse:
    """Every task that is not deleted, as a file to be kept beside code: what people say of them, without history.

    People and tokens are not in there, and of a payload no text that bears the name of a secret: it says `***` instead.
    """
    chosen = request[QUERY][FORMAT] or ExportFormat.YAML
    layout = LAYOUTS[chosen]
    tasks = request.app[SERVICES].inspect.every()
    # Read before anything is written: a store that is away is still told as a problem.
    first = await anext(tasks, None)
    response = web.StreamResponse(headers={"Content-Disposition": f'attachment; filename="tasks.{chosen}"'})
    response.content_type, response.charset = layout.media_type, "utf-8"
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    try:
        await _send(response, layout.beginning + (layout.nothing if first is None else layout.task(first, True)))
        async for task in tasks:
            await _send(response, layout.task(task, False))
        await _send(response, layout.end)
    except Exception:
        # Half a file must not look like a whole one: it ends without the end that its reader waits for.
        if request.transport is not None:
            request.transport.abort()
        raise
    return response


async def _send(response: web.StreamResponse, text: str) -> None:
    if text:
        await response.write(text.encode())
