"""What every handler can reach: the services and settings the application was made with, and who is asking."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from application.scheduling.ports.clock import Clock, Entropy
from application.scheduling.services.backfill_task import BackfillTask
from application.scheduling.services.explain import Explain
from application.scheduling.services.inspect_tasks import InspectTasks
from application.scheduling.services.manage_tasks import ManageTasks
from application.scheduling.services.preview import Preview
from application.scheduling.services.redrive_execution import RedriveExecution
from application.scheduling.services.restore_version import RestoreVersion

_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class WebServices:
    """The use cases behind pages and API; `ready` says whether this process does its work."""

    manage: ManageTasks
    inspect: InspectTasks
    explain: Explain
    restore: RestoreVersion
    redrive: RedriveExecution
    backfill: BackfillTask
    preview: Preview
    clock: Clock
    entropy: Entropy
    ready: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class WebSettings:
    """How the dashboard is served.

    `prefix` is the path beneath which pages and API lie: it begins with a slash and ends without one.
    `loopback_hosts_only` refuses every `Host` that does not name this machine's loopback, which keeps names that
    others point here (DNS rebinding) away from a dashboard without login. `banner` stands on top of every page.
    Raises ValueError for a prefix of another shape.
    """

    prefix: str = "/admin/scheduler"
    loopback_hosts_only: bool = True
    banner: str | None = None

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"the path prefix {self.prefix!r} is not of the form /admin/scheduler")


SERVICES = web.AppKey("services", WebServices)
SETTINGS = web.AppKey("settings", WebSettings)
ACTOR = web.RequestKey("actor", str)


def under_prefix(request: web.Request, path: str) -> str:
    """The path of a page or an endpoint as clients see it."""
    return request.app[SETTINGS].prefix + path
