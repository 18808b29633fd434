"""The API of the maintenance switch: whether all firing is held, and holding and releasing it."""

from aiohttp import web
from typing_extensions import TypedDict

from application.scheduling.document_types import HeldDocument
from application.scheduling.documents import held_document
from application.scheduling.ports.hold import Hold
from entrypoints.web.answers import json_answer
from entrypoints.web.contract import examples
from entrypoints.web.contract.operations import nothing, ok, operation
from entrypoints.web.doors.access import doer_of
from entrypoints.web.keys import SERVICES
from entrypoints.web.requests.bodies import ReasonBody, RequestBody

WHY = RequestBody(ReasonBody, examples=examples.REASONS)
REASON = RequestBody(ReasonBody, is_required=False, examples=examples.REASONS)


class HoldDocument(TypedDict):
    """The hold there is; null: nothing is held."""

    held: HeldDocument | None


@operation("Tell whether all firing is held", ok(HoldDocument, "The switch as it stands."))
async def read_hold(request: web.Request) -> web.Response:
    """While it is held nothing fires and nothing new starts; what runs goes on."""
    return _answer(await request.app[SERVICES].hold.current())


@operation("Hold all firing", ok(HoldDocument, "The hold that stands now."), body=WHY)
async def hold_all(request: web.Request) -> web.Response:
    """For maintenance: within a second nothing fires and nothing new starts. A hold that stands already stays."""
    body = await WHY.read(request)
    return _answer(await request.app[SERVICES].hold.hold(body.reason, doer_of(request)))


@operation("Release what is held", nothing("Nothing is held any more."), body=REASON)
async def release_all(request: web.Request) -> web.Response:
    """Firing goes on: what was due meanwhile is decided now, each task by its own misfire policy."""
    body = await REASON.read(request)
    await request.app[SERVICES].hold.release(body.reason, doer_of(request))
    return web.Response(status=204)


def _answer(hold: Hold | None) -> web.Response:
    document: HoldDocument = {"held": held_document(hold)}
    return json_answer(document)
