"""The ids in addresses: what cannot be one is not found, and no store is asked for it."""

import re

from aiohttp import web

from application.scheduling.services.errors import ExecutionNotFoundError, TaskNotFoundError
from domain.scheduling.identifiers import ExecutionId, TaskId

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def task_id_of(request: web.Request) -> TaskId:
    """The task the address names. Raises TaskNotFoundError."""
    task_id = TaskId(request.match_info["task_id"])
    if not _ID.fullmatch(task_id):
        raise TaskNotFoundError(task_id)
    return task_id


def execution_id_of(request: web.Request) -> ExecutionId:
    """The execution the address names. Raises ExecutionNotFoundError."""
    execution_id = ExecutionId(request.match_info["execution_id"])
    if not _ID.fullmatch(execution_id):
        raise ExecutionNotFoundError(execution_id)
    return execution_id
