"""The one table of what is served: method, path, handler and the permission it asks for."""

from collections.abc import Iterator
from contextlib import suppress

from aiohttp import web
from aiohttp.typedefs import Handler

from application.scheduling.ports.errors import PortError
from entrypoints.web import assets
from entrypoints.web.api import access as access_api
from entrypoints.web.api import (
    access_records,
    apply,
    audit,
    batch,
    description,
    executions,
    explain,
    export,
    hold,
    occurrences,
    runs,
    status,
    tasks,
    versions,
    workers,
)
from entrypoints.web.doors.access import CHANGES_OF_MANY, Permission, admit
from entrypoints.web.doors.audience import is_for_browser
from entrypoints.web.doors.origins import SAFE_METHODS
from entrypoints.web.events import events
from entrypoints.web.feed import FEED
from entrypoints.web.keys import HOLD, NEWS_MARK, SERVICES
from entrypoints.web.pages import (
    access_records_page,
    account_page,
    api_page,
    audit_page,
    batch_page,
    builder_page,
    changes,
    dead_letters_page,
    execution_page,
    executions_page,
    hold_page,
    import_page,
    kinds,
    list_page,
    login_page,
    overview_page,
    statistics_page,
    task_page,
    task_past_page,
    timeline_page,
    users_page,
    versions_page,
    viewer_page,
    workers_page,
)
from entrypoints.web.requests.bodies import raw_body
from entrypoints.web.route import Route

PUBLIC, VIEWER = Permission.PUBLIC, Permission.VIEWER
OPERATOR, EDITOR, ADMIN = Permission.OPERATOR, Permission.EDITOR, Permission.ADMIN
API = "/api/scheduled-tasks"
TASK_API = f"{API}/{{task_id}}"
PAGE = "/scheduled-tasks"
TASK_PAGE = f"{PAGE}/{{task_id}}"

ROUTES = (
    Route("GET", "/", overview_page.to_overview, PUBLIC, at_root=True),
    Route("GET", "/health/live", status.live, PUBLIC, at_root=True),
    Route("GET", "/health/ready", status.ready, PUBLIC, at_root=True),
    Route("GET", "/metrics", status.metrics, VIEWER, at_root=True),
    Route("GET", "", overview_page.to_overview, PUBLIC),
    Route("GET", "/", overview_page.overview, VIEWER),
    Route("GET", "/static/{name}", assets.static_file, PUBLIC),
    Route("GET", "/problems/{kind}", kinds.problem_kind, PUBLIC),
    Route("GET", "/login", login_page.login, PUBLIC),
    Route("POST", "/login", login_page.sign_in, PUBLIC),
    Route("POST", "/logout", login_page.sign_out, VIEWER),
    Route("GET", "/set-up", login_page.set_up, PUBLIC),
    Route("POST", "/set-up", login_page.make_first_user, PUBLIC),
    Route("GET", "/time-zone", viewer_page.time_zone, VIEWER),
    Route("POST", "/time-zone", viewer_page.choose_zone, VIEWER),
    Route("POST", "/theme", viewer_page.choose_theme, VIEWER),
    Route("GET", "/account", account_page.account, VIEWER),
    Route("POST", "/account/password", account_page.change_password, VIEWER),
    Route("POST", "/account/sessions/end", account_page.end_other_sessions, VIEWER),
    Route("POST", "/account/tokens", account_page.create_token, VIEWER),
    Route("POST", "/account/tokens/{token_id}/revoke", account_page.revoke_token, VIEWER),
    Route("GET", "/api", api_page.api, VIEWER),
    Route("GET", "/users", users_page.users, ADMIN),
    Route("POST", "/users", users_page.add_user, ADMIN),
    Route("POST", "/users/{name}/role", users_page.set_role, ADMIN),
    Route("POST", "/users/{name}/disable", users_page.disable, ADMIN),
    Route("POST", "/users/{name}/enable", users_page.enable, ADMIN),
    Route("POST", "/users/{name}/password", users_page.reset_password, ADMIN),
    Route("POST", "/users/{name}/sessions/end", users_page.end_sessions, ADMIN),
    Route("POST", "/tokens", users_page.create_token, ADMIN),
    Route("POST", "/tokens/{token_id}/revoke", users_page.revoke_token, ADMIN),
    Route("GET", "/events", events, VIEWER),
    Route("GET", "/audit", audit_page.audit, VIEWER),
    Route("GET", "/audit/access", access_records_page.access_records, ADMIN),
    Route("GET", "/workers", workers_page.workers, VIEWER),
    Route("GET", "/hold", hold_page.hold, VIEWER),
    Route("POST", "/hold", hold_page.hold_all, OPERATOR),
    Route("POST", "/hold/release", hold_page.release_all, OPERATOR),
    Route("GET", "/api/audit", audit.read_audit, VIEWER),
    Route("GET", "/api/workers", workers.list_workers, VIEWER),
    Route("GET", "/statistics", statistics_page.statistics, VIEWER),
    Route("GET", "/timeline", timeline_page.timeline, VIEWER),
    Route("GET", PAGE, list_page.task_list, VIEWER),
    Route("GET", f"{PAGE}/new", builder_page.new, EDITOR),
    Route("POST", f"{PAGE}/new", builder_page.create, EDITOR),
    Route("POST", f"{PAGE}/new/preview", builder_page.preview_new, EDITOR),
    Route("GET", f"{TASK_PAGE}/edit", builder_page.edit, EDITOR),
    Route("POST", f"{TASK_PAGE}/edit", builder_page.save, EDITOR),
    Route("POST", f"{TASK_PAGE}/edit/preview", builder_page.preview_edit, EDITOR),
    Route("GET", f"{PAGE}/batch", batch_page.confirm, OPERATOR, by_action=CHANGES_OF_MANY),
    Route("POST", f"{PAGE}/batch", batch_page.carry_out, OPERATOR, by_action=CHANGES_OF_MANY),
    Route("GET", TASK_PAGE, task_page.task, VIEWER),
    Route("GET", f"{TASK_PAGE}/delete", task_page.confirm_delete, EDITOR),
    Route("POST", f"{TASK_PAGE}/delete", changes.delete, EDITOR),
    Route("POST", f"{TASK_PAGE}/run", changes.run, OPERATOR),
    Route("POST", f"{TASK_PAGE}/pause", changes.pause, OPERATOR),
    Route("POST", f"{TASK_PAGE}/resume", changes.resume, OPERATOR),
    Route("POST", f"{TASK_PAGE}/undelete", changes.undelete, EDITOR),
    Route("GET", f"{TASK_PAGE}/upcoming", task_past_page.upcoming, VIEWER),
    Route("GET", f"{TASK_PAGE}/executions", task_past_page.executions, VIEWER),
    Route("GET", f"{TASK_PAGE}/versions", versions_page.versions, VIEWER),
    Route("GET", f"{TASK_PAGE}/versions/{{between}}", versions_page.between, VIEWER),
    Route("GET", f"{TASK_PAGE}/versions/{{version}}/restore", versions_page.confirm_restore, EDITOR),
    Route("POST", f"{TASK_PAGE}/versions/{{version}}/restore", versions_page.restore, EDITOR),
    Route("GET", "/import", import_page.import_form, EDITOR),
    Route("POST", "/import", import_page.import_file, EDITOR),
    Route("GET", "/executions", executions_page.executions, VIEWER),
    Route("GET", "/executions/{execution_id}", execution_page.execution, VIEWER),
    Route("POST", "/executions/{execution_id}/cancel", changes.cancel, OPERATOR),
    Route("POST", "/executions/{execution_id}/redrive", execution_page.redrive, OPERATOR),
    Route("GET", "/dead-letters", dead_letters_page.dead_letters, VIEWER),
    Route("GET", "/dead-letters/redrive", dead_letters_page.confirm_redrive, OPERATOR),
    Route("POST", "/dead-letters/redrive", dead_letters_page.redrive, OPERATOR),
    Route("GET", "/dead-letters/redriven", dead_letters_page.redriven, VIEWER),
    Route("GET", API, tasks.list_tasks, VIEWER),
    Route("POST", API, tasks.create_task, EDITOR),
    Route("POST", f"{API}/preview", occurrences.preview, VIEWER),
    Route("POST", f"{API}:batch", batch.change_tasks, OPERATOR, by_action=CHANGES_OF_MANY),
    Route("GET", TASK_API, tasks.read_task, VIEWER),
    Route("PUT", TASK_API, tasks.replace_task, EDITOR),
    Route("PATCH", TASK_API, tasks.patch_task, EDITOR),
    Route("DELETE", TASK_API, tasks.delete_task, EDITOR),
    Route("POST", f"{TASK_API}/pause", tasks.pause_task, OPERATOR),
    Route("POST", f"{TASK_API}/resume", tasks.resume_task, OPERATOR),
    Route("POST", f"{TASK_API}/run", runs.run_task, OPERATOR),
    Route("POST", f"{TASK_API}/backfill", runs.backfill_task, OPERATOR),
    Route("POST", f"{TASK_API}/undelete", versions.undelete_task, EDITOR),
    Route("GET", f"{TASK_API}/versions", versions.list_versions, VIEWER),
    Route("GET", f"{TASK_API}/versions/{{version}}", versions.read_version, VIEWER),
    Route("POST", f"{TASK_API}/versions/{{version}}/restore", versions.restore_version, EDITOR),
    Route("GET", f"{TASK_API}/upcoming", occurrences.upcoming_of_task, VIEWER),
    Route("GET", f"{TASK_API}/explain", explain.explain_task, VIEWER),
    Route("GET", f"{TASK_API}/executions", executions.list_task_executions, VIEWER),
    Route("GET", "/api/executions", executions.list_executions, VIEWER),
    Route("GET", "/api/executions/{execution_id}", executions.read_execution, VIEWER),
    Route("POST", "/api/executions/{execution_id}/cancel", executions.cancel_execution, OPERATOR),
    Route("GET", "/api/executions/{execution_id}/log", executions.read_log, VIEWER),
    Route("POST", "/api/executions/{execution_id}/redrive", runs.redrive_execution, OPERATOR),
    Route("POST", "/api/executions/{execution_id}/retry", runs.redrive_execution, OPERATOR),
    Route("GET", "/api/dead-letters", runs.list_dead_letters, VIEWER),
    Route("GET", "/api/me", access_api.me, VIEWER),
    Route("GET", "/api/users", access_api.list_users, ADMIN),
    Route("POST", "/api/users", access_api.add_user, ADMIN),
    Route("PATCH", "/api/users/{name}", access_api.change_user, ADMIN),
    Route("PUT", "/api/users/{name}/password", access_api.reset_password, ADMIN),
    Route("GET", "/api/users/{name}/sessions", access_api.list_sessions, ADMIN),
    Route("DELETE", "/api/users/{name}/sessions", access_api.end_sessions, ADMIN),
    Route("GET", "/api/access/records", access_records.read_access_records, ADMIN),
    Route("GET", "/api/access/check", access_records.check_access_records, ADMIN),
    Route("GET", "/api/tokens", access_api.list_tokens, ADMIN),
    Route("POST", "/api/tokens", access_api.create_token, ADMIN),
    Route("DELETE", "/api/tokens/{token_id}", access_api.revoke_token, ADMIN),
    Route("GET", "/api/stats", status.statistics, VIEWER),
    Route("GET", "/api/scheduler/stats", status.statistics, VIEWER),
    Route("GET", "/api/health", status.health, VIEWER),
    Route("GET", "/api/hold", hold.read_hold, VIEWER),
    Route("PUT", "/api/hold", hold.hold_all, OPERATOR),
    Route("DELETE", "/api/hold", hold.release_all, OPERATOR),
    # It has every payload.
    Route("GET", "/api/export", export.export_tasks, OPERATOR),
    Route("POST", "/api/apply", apply.apply_file, EDITOR),
    Route("GET", "/api/openapi.json", description.openapi, VIEWER),
)


def web_routes(prefix: str) -> Iterator[web.RouteDef]:
    """The table as the server wants it; where GET goes, aiohttp lets HEAD go, too."""
    for route in ROUTES:
        path = route.path if route.at_root else prefix + route.path
        yield web.route(route.method, path, _guarded(route))


def _is_about_access(route: Route) -> bool:
    return route.permission is ADMIN or route.path.startswith(("/account/", "/logout"))


def _guarded(route: Route) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        await admit(request, route.permission)
        if route.permission is not PUBLIC and request.body_exists:
            # It may take seconds to arrive: who is disabled meanwhile must not complete what they have begun.
            await raw_body(request)
            await admit(request, route.permission)
        if route.permission is not PUBLIC and is_for_browser(request):
            # Before anything is read for the page: what changes meanwhile is told afterwards.
            with suppress(PortError):
                request[NEWS_MARK] = await request.app[FEED].mark_for_page()
                request[HOLD] = await request.app[SERVICES].hold.current()
        try:
            return await route.handler(request)
        finally:
            if request.method not in SAFE_METHODS and _is_about_access(route):
                # Somebody may have lost what a stream of theirs was opened with.
                request.app[FEED].pulse()

    return handle
