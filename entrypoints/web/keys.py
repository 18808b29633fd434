"""What every handler can reach: the services and settings the application was made with, and who is asking."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from aiohttp import web

from application.scheduling.ports.clock import Clock, Entropy
from application.scheduling.ports.hold import Hold
from application.scheduling.services.advise import Advise
from application.scheduling.services.apply_file import ApplyFile
from application.scheduling.services.backfill_task import BackfillTask
from application.scheduling.services.batch_change import BatchChange
from application.scheduling.services.explain import Explain
from application.scheduling.services.hold_firing import HoldFiring
from application.scheduling.services.identify import Caller, Identify
from application.scheduling.services.inspect_access import InspectAccess
from application.scheduling.services.inspect_audit import InspectAudit
from application.scheduling.services.inspect_history import InspectHistory
from application.scheduling.services.inspect_tasks import InspectTasks
from application.scheduling.services.inspect_team import InspectTeam
from application.scheduling.services.manage_account import ManageAccount
from application.scheduling.services.manage_tasks import ManageTasks
from application.scheduling.services.manage_tokens import ManageTokens
from application.scheduling.services.manage_users import ManageUsers
from application.scheduling.services.note_refusals import NoteRefusals
from application.scheduling.services.preview import Preview
from application.scheduling.services.redrive_execution import RedriveExecution
from application.scheduling.services.redrive_many import RedriveMany
from application.scheduling.services.restore_version import RestoreVersion
from application.scheduling.services.set_up import SetUp
from application.scheduling.services.sign_in import SignIn
from application.scheduling.services.statistics import ReadStatistics
from entrypoints.web.feed import ChangeFeed

_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class AccessServices:
    """The use cases of who may come in."""

    identify: Identify
    sign_in: SignIn
    set_up: SetUp
    account: ManageAccount
    users: ManageUsers
    tokens: ManageTokens
    refusals: NoteRefusals
    trail: InspectAccess


@dataclass(frozen=True, slots=True)
class WebServices:
    """The use cases behind pages and API; `ready` says whether this process does its work.

    `weakness` says what of the work the store may forget, None: nothing; `metrics` writes the figures of this process.
    """

    manage: ManageTasks
    inspect: InspectTasks
    past: InspectHistory
    statistics: ReadStatistics
    explain: Explain
    restore: RestoreVersion
    redrive: RedriveExecution
    redrive_many: RedriveMany
    backfill: BackfillTask
    batch: BatchChange
    apply: ApplyFile
    preview: Preview
    advise: Advise
    access: AccessServices
    audit: InspectAudit
    team: InspectTeam
    hold: HoldFiring
    feed: ChangeFeed
    clock: Clock
    entropy: Entropy
    ready: Callable[[], bool]
    weakness: Callable[[], str | None]
    metrics: Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class WebSettings:
    """How the dashboard is served.

    `prefix` is the path beneath which pages and API lie: it begins with a slash and ends without one.
    `loopback_hosts_only` refuses every `Host` that does not name this machine's loopback, which keeps names that
    others point here (DNS rebinding) away from a dashboard without login. `banner` stands on top of every page.
    `login_required` asks for a session or a token wherever a route's permission is not `public`. `public_origin` is
    how browsers reach us, where that is known: with https its cookies are for https alone, and no other host is
    answered but the loopback. `trusted_proxies` are believed when they say whom they ask for.
    Payloads and results are shown to operators and above, to viewers only if `viewers_see_payloads`.
    Raises ValueError for a prefix of another shape.
    """

    prefix: str = "/admin/scheduler"
    loopback_hosts_only: bool = True
    banner: str | None = None
    login_required: bool = False
    public_origin: str | None = None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    viewers_see_payloads: bool = False

    @property
    def is_https(self) -> bool:
        """True if browsers reach us by https, whoever ends it."""
        return (self.public_origin or "").lower().startswith("https:")

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"the path prefix {self.prefix!r} is not of the form /admin/scheduler")


SERVICES = web.AppKey("services", WebServices)
SETTINGS = web.AppKey("settings", WebSettings)
ACTOR = web.RequestKey("actor", str)
CALLER = web.RequestKey("caller", Caller)
HOLD: web.RequestKey[Hold | None] = web.RequestKey("hold", Hold | None)  # type: ignore[arg-type]
"""Whether all firing was held when the page was asked for."""
REQUEST_ID = web.RequestKey("request_id", str)
NEWS_MARK = web.RequestKey("news_mark", str)
"""Up to where all who listen had been told of changes when the request came: its page shows at least those."""


def under_prefix(request: web.Request, path: str) -> str:
    """The path of a page or an endpoint as clients see it."""
    return request.app[SETTINGS].prefix + path
