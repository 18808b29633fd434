"""One line of the route table: what is asked for, who answers, and what it takes to be answered."""

from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from entrypoints.web.access import Permission


@dataclass(frozen=True, slots=True)
class Route:
    """The path lies beneath the prefix, or at the root of the server if `at_root`."""

    method: str
    path: str
    handler: Handler
    permission: Permission
    at_root: bool = False


TABLE = web.AppKey("table", tuple[Route, ...])
"""The whole table, for those who describe it."""
