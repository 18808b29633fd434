"""The API of what a task was: its versions, going back to one of them, and coming back from deletion."""

import re

from aiohttp import web

from application.scheduling.differences import version_document
from application.scheduling.services.change_task import Done
from entrypoints.web.answers import json_answer
from entrypoints.web.api.tasks import changed_answer
from entrypoints.web.bodies import ReasonBody, optional_body
from entrypoints.web.ids import task_id_of
from entrypoints.web.intent import author, version_known
from entrypoints.web.keys import SERVICES
from entrypoints.web.parameters import Query

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


async def list_versions(request: web.Request) -> web.Response:
    """The last versions of a task, newest first; those of a deleted task, too, as long as they are kept."""
    limit = Query(request, "limit").limit()
    task_id = task_id_of(request)
    found = await request.app[SERVICES].past.versions(task_id, limit=limit)
    return json_answer(
        {"task_id": task_id, "versions": [version_document(each.record, each.differences) for each in found]}
    )


async def read_version(request: web.Request) -> web.Response:
    """One version of a task."""
    Query(request)
    found = await request.app[SERVICES].past.version(task_id_of(request), _version_of(request))
    return json_answer(version_document(found.record, found.differences))


async def restore_version(request: web.Request) -> web.Response:
    """An edit back to the definition of that version, or with `?dry_run=true` what the task would be."""
    dry_run = Query(request, "dry_run").flag("dry_run")
    body = await optional_body(request, ReasonBody)
    version = _version_of(request)
    done = await request.app[SERVICES].restore.restore(
        task_id_of(request),
        version,
        await author(request, reason=body.reason),
        if_version=version_known(request),
        dry_run=dry_run,
    )
    return await changed_answer(request, done, message=_restored(version, done, dry_run=dry_run), dry_run=dry_run)


async def undelete_task(request: web.Request) -> web.Response:
    """Back as it was; what it owed meanwhile is passed over."""
    Query(request)
    body = await optional_body(request, ReasonBody)
    done = await request.app[SERVICES].manage.undelete(task_id_of(request), await author(request, reason=body.reason))
    return await changed_answer(request, done, message="Task undeleted")


def _restored(version: int, done: Done, *, dry_run: bool) -> str:
    if done.unchanged:
        return f"Nothing to restore: the task says what version {version} said"
    return f"Dry run: version {version} would be restored" if dry_run else f"Version {version} restored"


def _version_of(request: web.Request) -> int:
    number = request.match_info["version"]
    if not _NUMBER.fullmatch(number):
        raise web.HTTPNotFound
    return int(number)
