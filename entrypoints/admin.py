"""The dashboard and the API, served by each process that has the role."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from entrypoints.container import Container
from entrypoints.listening import listening
from entrypoints.metrics import ProcessMetrics
from entrypoints.settings import LOOPBACK, Settings
from entrypoints.web.app import WebServices, WebSettings, create_app, create_runner
from entrypoints.web.feed import ChangeFeed
from entrypoints.web.keys import AccessServices

IN_THE_CLEAR = (
    "The dashboard is open to the network by plain http, where passwords and sessions can be read on their way: put it"
    " behind a proxy with TLS and set SCHEDULER_PUBLIC_URL to its https address"
)
OPEN_TO_THIS_MACHINE = "Open without a login to everybody on this machine, and to nobody else."


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What the service knows of itself: whether it does its work, what its store may forget, and its figures."""

    is_ready: Callable[[], bool]
    weakness: Callable[[], str | None]
    metrics: ProcessMetrics


@asynccontextmanager
async def serve_admin(settings: Settings, container: Container, state: ServiceState) -> AsyncIterator[str]:
    """Serve for as long as the context lasts; yields the dashboard's address. Raises CannotServeError."""
    services = _web_services(container, state)
    app = create_app(services, _web_settings(settings))
    host, port = settings.scheduler_host, settings.scheduler_port
    async with listening(create_runner(app), host, port, choose="--port") as where:
        origin = settings.scheduler_public_url or f"http://{where}"
        address = f"{origin.rstrip('/')}/admin/scheduler/"
        if settings.login_required:
            await _open_doors(settings, services.access, address)
        yield address


def _web_services(container: Container, state: ServiceState) -> WebServices:
    return WebServices(
        manage=container.manage_tasks(),
        inspect=container.inspect_tasks(),
        past=container.inspect_history(),
        statistics=container.statistics(),
        explain=container.explain(),
        restore=container.restore_version(),
        redrive=container.redrive_execution(),
        redrive_many=container.redrive_many(),
        backfill=container.backfill_task(),
        batch=container.batch_change(),
        apply=container.apply_file(),
        preview=container.preview(),
        advise=container.advise(),
        access=_access_services(container),
        audit=container.inspect_audit(),
        team=container.inspect_team(),
        hold=container.hold_firing(),
        feed=ChangeFeed(container.stores().news, container.observer()),
        clock=container.clock(),
        entropy=container.entropy(),
        ready=state.is_ready,
        weakness=state.weakness,
        metrics=state.metrics.text,
    )


def _web_settings(settings: Settings) -> WebSettings:
    return WebSettings(
        loopback_hosts_only=not settings.login_required,
        banner=None if settings.login_required else OPEN_TO_THIS_MACHINE,
        login_required=settings.login_required,
        public_origin=settings.scheduler_public_url,
        trusted_proxies=settings.trusted_proxies,
        viewers_see_payloads=settings.scheduler_viewers_see_payloads,
    )


def _access_services(container: Container) -> AccessServices:
    return AccessServices(
        identify=container.identify(),
        sign_in=container.sign_in(),
        set_up=container.set_up(),
        account=container.manage_account(),
        users=container.manage_users(),
        tokens=container.manage_tokens(),
        refusals=container.refusals(),
        trail=container.inspect_access(),
    )


async def _open_doors(settings: Settings, access: AccessServices, address: str) -> None:
    """Say how the first person comes in, and what others on the network could read."""
    log = structlog.get_logger()
    if settings.scheduler_host not in LOOPBACK and not (settings.scheduler_public_url or "").startswith("https:"):
        log.warning(IN_THE_CLEAR)
    if settings.scheduler_admin_token is None and (secret := await access.set_up.offer()) is not None:
        # The one secret that is meant for the log: whoever reads that runs this service.
        log.warning(
            "Nobody can sign in yet: make the first admin within 15 minutes",
            at=f"{address}set-up",
            one_time_token=secret,
        )
