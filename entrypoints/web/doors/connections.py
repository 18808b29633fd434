"""What arrives at the port and never becomes a request: refused with our headers and no word on our software.

The framework answers such bytes by itself, names its version and repeats what was sent, and no signal of the
application is heard then. Its one hook for that is a method of the connection, so the server makes connections of ours.
"""

import asyncio
from http import HTTPStatus

import structlog
from aiohttp import web

from application.scheduling.documents import Document
from entrypoints.web.answers import json_answer
from entrypoints.web.doors.origins import HEADERS

logger = structlog.get_logger()


class Connection(web.RequestHandler):
    """One connection of a client."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - the framework's words for it
    ) -> web.StreamResponse:
        """Answer with a problem of no more than the status, and close.

        Raises ConnectionError if an answer was under way already.
        """
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.info("What arrived is no request", address=request.remote, status=status)
        else:
            logger.error("A connection failed", address=request.remote, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer was under way already")
        # An empty name of the software: without one the framework would put its own.
        headers = {**HEADERS, "Server": ""}
        response = json_answer(
            _problem(status), status=status, headers=headers, content_type="application/problem+json"
        )
        response.force_close()
        return response


def _problem(status: int) -> Document:
    """A problem of no kind of ours, whose title is that of the status; RFC 9457, 4.2.1."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": title, "error": title, "errors": []}


class Server(web.Server):
    """The framework's server with our connections."""

    def __call__(self) -> web.RequestHandler:
        """A connection that has just been made."""
        return Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """The framework's runner with our server."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return Server(
            made.request_handler,
            request_factory=made.request_factory,
            loop=asyncio.get_running_loop(),
            **made._kwargs,
        )
