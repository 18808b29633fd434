"""Every request has an id: the answer bears it, and so does whatever is logged while it is worked on."""

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from entrypoints.web.keys import REQUEST_ID, SERVICES

HEADER = "X-Request-Id"


@web.middleware
async def name_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id of ours; what a client claims to be its id is a text of a stranger's and not taken."""
    request[REQUEST_ID] = request_id = request.app[SERVICES].entropy.token()
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        return await handler(request)


async def add_request_id(request: web.Request, response: web.StreamResponse) -> None:
    """Tell it with the answer; what never became a request has none."""
    if (request_id := request.get(REQUEST_ID)) is not None:
        response.headers[HEADER] = request_id
