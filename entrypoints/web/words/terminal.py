"""The actions of the pages from a terminal: each as a call of this server's API and as a command, to be copied."""

from collections.abc import Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any
from urllib.parse import quote as in_path
from urllib.parse import urlencode

from aiohttp import web

from application.scheduling import json_text
from application.scheduling.iso_text import instant
from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.secret_names import without_secrets
from domain.scheduling.execution import Execution, ExecutionState
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.task import ScheduledTask, TaskStatus
from entrypoints.web.doors.origins import own_origin
from entrypoints.web.keys import SETTINGS, under_prefix

PROGRAM = "peachpie-scheduler"
# In double quotes, so that the shell puts the token in.
# What the command that lists tasks can be asked for; it lists them by name.
_LISTED_BY = {"q": "--search", "status": "--status", "limit": "--limit"}
_FLAGS = frozenset({"failing", "late"})
_AUTHORIZATION = '-H "Authorization: Bearer $SCHEDULER_TOKEN"'


@dataclass(frozen=True, slots=True)
class Command:
    """What it does, as a call with curl and as a command of ours, which runs on the server's machine (None: none)."""

    does: str
    curl: str
    cli: str | None


def task_commands(request: web.Request, task: ScheduledTask) -> tuple[Command, ...]:
    """What can be done to a task in its state."""
    path, id_ = f"/api/scheduled-tasks/{task.id}", quote(task.id)
    if task.deleted_at is not None:
        return (Command("Undelete", curl_call(request, "POST", f"{path}/undelete"), f"{PROGRAM} undelete {id_}"),)
    is_stopped = task.status in (TaskStatus.PAUSED, TaskStatus.FAILED)
    pause = Command(
        "Pause",
        curl_call(request, "POST", f"{path}/pause", {"reason": "maintenance"}),
        f"{PROGRAM} pause {id_} --reason maintenance",
    )
    resume = Command(
        "Resume",
        curl_call(request, "POST", f"{path}/resume", {"missed": "skip"}),
        f"{PROGRAM} resume {id_} --missed skip",
    )
    return (
        Command("Run now", curl_call(request, "POST", f"{path}/run"), f"{PROGRAM} run {id_}"),
        resume if is_stopped else pause,
        Command("Show", curl_call(request, "GET", path), f"{PROGRAM} get {id_}"),
        Command(
            "Why, or why not",
            curl_call(request, "GET", f"{path}/explain?at=2026-03-29T02:30"),
            f"{PROGRAM} explain {id_} --at 2026-03-29T02:30",
        ),
        Command("Delete", curl_call(request, "DELETE", path), f"{PROGRAM} delete {id_}"),
    )


def restore_command(request: web.Request, task: ScheduledTask, version: int) -> Command:
    """Going back to a version of a task."""
    path = f"/api/scheduled-tasks/{task.id}/versions/{version}/restore"
    return Command("Restore", curl_call(request, "POST", path), f"{PROGRAM} restore {quote(task.id)} {version}")


def execution_commands(request: web.Request, execution: Execution) -> tuple[Command, ...]:
    """What can be done to an execution in its state."""
    path, id_ = f"/api/executions/{execution.id}", quote(execution.id)
    show = Command("Show", curl_call(request, "GET", path), f"{PROGRAM} execution {id_}")
    if execution.is_open:
        cancel = Command("Cancel", curl_call(request, "POST", f"{path}/cancel"), f"{PROGRAM} cancel {id_}")
        return (show, cancel)
    if execution.state is ExecutionState.DEAD:
        redrive = Command("Run again", curl_call(request, "POST", f"{path}/redrive"), f"{PROGRAM} redrive {id_}")
        return (show, redrive)
    return (show,)


def list_commands(request: web.Request, given: Mapping[str, str], *, may_change: bool) -> tuple[Command, ...]:
    """The list of tasks from its first page, by the filters, order and length that are `given`, and all it matches."""
    show = Command("List", curl_call(request, "GET", _asked("/api/scheduled-tasks", given)), _list_command(given))
    if not may_change or given.get("deleted") == "true":
        return (show,)
    conditions = {name: value for name, value in given.items() if name not in ("deleted", "sort", "limit")}
    which = {name: value == "true" if name in _FLAGS else value for name, value in conditions.items()}
    pause = {"action": "pause", "filter": which, "reason": "maintenance", "dry_run": True}
    export = Command("Export all", curl_call(request, "GET", "/api/export?format=yaml"), None)
    return (
        show,
        Command(
            "Say what pausing these would do", curl_call(request, "POST", "/api/scheduled-tasks:batch", pause), None
        ),
        export,
    )


def executions_commands(request: web.Request, which: ExecutionFilter) -> tuple[Command, ...]:
    """The list of executions from its newest."""
    path = (
        "/api/executions"
        if which.task_id is None
        else f"/api/scheduled-tasks/{in_path(which.task_id, safe='')}/executions"
    )
    asked = {
        "state": ",".join(sorted(which.states)),
        "since": instant(which.since) or "",
        "until": instant(which.until) or "",
    }
    has_command = which.task_id is not None and not any(asked.values())
    cli = f"{PROGRAM} executions {quote(which.task_id or '')}" if has_command else None
    return (Command("List", curl_call(request, "GET", _asked(path, asked)), cli),)


def dead_letters_commands(
    request: web.Request, task_id: TaskId | None, first: ExecutionId | None
) -> tuple[Command, ...]:
    """The list of dead letters from its newest, and giving the `first` of them another chance (None: there is none)."""
    path = _asked("/api/dead-letters", {"task": task_id or ""})
    cli = f"{PROGRAM} dead-letters" + ("" if task_id is None else f" {quote(task_id)}")
    show = Command("List", curl_call(request, "GET", path), cli)
    if first is None:
        return (show,)
    again = curl_call(request, "POST", f"/api/executions/{first}/redrive")
    return (show, Command("Redrive the first one here", again, f"{PROGRAM} redrive {quote(first)}"))


def create_command(request: web.Request, document: Mapping[str, Any]) -> Command:
    """Creating the task of this body, whose payload is an object: what bears the name of a secret there is left out."""
    body = {**document, "payload": without_secrets(document["payload"])}
    piped = f"printf %s {quote(json_text.write(body))} | {PROGRAM} create -"
    return Command("Create it", curl_call(request, "POST", "/api/scheduled-tasks", body), piped)


def _asked(path: str, parameters: Mapping[str, str]) -> str:
    query = urlencode({name: value for name, value in parameters.items() if value})
    return f"{path}?{query}" if query else path


def _list_command(given: Mapping[str, str]) -> str | None:
    """None where the command cannot be asked for that."""
    if given.get("sort", "name") != "name" or given.keys() - {*_LISTED_BY, "deleted", "sort"}:
        return None
    options = [f"{option} {quote(given[name])}" for name, option in _LISTED_BY.items() if name in given]
    return " ".join([f"{PROGRAM} list", *options, *(["--deleted"] if given.get("deleted") == "true" else [])])


def curl_call(request: web.Request, method: str, path: str, body: Mapping[str, Any] | None = None) -> str:
    """A call of this server's API, for a shell."""
    address = own_origin(request) + under_prefix(request, path)
    parts = [f"curl{'' if method == 'GET' else f' -X {method}'} {quote(address)}"]
    if request.app[SETTINGS].login_required:
        parts.append(_AUTHORIZATION)
    if body is not None:
        parts.append(f"-H 'Content-Type: application/json' -d {quote(json_text.write(body))}")
    return " \\\n  ".join(parts)
