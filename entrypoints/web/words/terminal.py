"""The actions of the pages from a terminal: each as a call of this server's API and as a command, to be copied."""

from collections.abc import Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any

from aiohttp import web

from application.scheduling import json_text
from domain.scheduling.execution import Execution, ExecutionState
from domain.scheduling.task import ScheduledTask, TaskStatus
from entrypoints.web.doors.origins import own_origin
from entrypoints.web.keys import SETTINGS, under_prefix

PROGRAM = "peachpie-scheduler"
# In double quotes, so that the shell puts the token in.
_AUTHORIZATION = '-H "Authorization: Bearer $SCHEDULER_TOKEN"'


@dataclass(frozen=True, slots=True)
class Command:
    """What it does, as a call with curl and as a command of ours, which runs on the server's machine."""

    does: str
    curl: str
    cli: str


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


def curl_call(request: web.Request, method: str, path: str, body: Mapping[str, Any] | None = None) -> str:
    """A call of this server's API, for a shell."""
    address = own_origin(request) + under_prefix(request, path)
    parts = [f"curl{'' if method == 'GET' else f' -X {method}'} {quote(address)}"]
    if request.app[SETTINGS].login_required:
        parts.append(_AUTHORIZATION)
    if body is not None:
        parts.append(f"-H 'Content-Type: application/json' -d {quote(json_text.write(body))}")
    return " \\\n  ".join(parts)
