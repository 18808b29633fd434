"""One line of the route table: what is asked for, who answers, and what it takes to be answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from application.scheduling.services.batch_orders import BatchAction
from entrypoints.web.doors.access import Permission


@dataclass(frozen=True, slots=True)
class Route:
    """The path lies beneath the prefix, or at the root of the server if `at_root`.

    Where what it takes depends on the action that is asked for, `by_action` says so, and `permission` is the least of
    them; the handler admits for the action.
    """

    method: str
    path: str
    handler: Handler
    permission: Permission
    at_root: bool = False
    by_action: Mapping[BatchAction, Permission] = field(default_factory=dict, hash=False)


TABLE = web.AppKey("table", tuple[Route, ...])
"""The whole table, for those who describe it."""
