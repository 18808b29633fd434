"""The API of what a task was: its versions, going back to one of them, and coming back from deletion."""

import re

from aiohttp import web

from application.scheduling.differences import version_document
from application.scheduling.document_types import VersionDocument
from application.scheduling.services.change_task import Done
from entrypoints.web.answers import json_answer
from entrypoints.web.api.documents import ChangedTaskDocument, VersionListDocument
from entrypoints.web.api.parameters import DRY_RUN, LIMIT
from entrypoints.web.api.tasks import CHANGED, MARKS, REASON, changed_answer
from entrypoints.web.contract.operations import ok, operation
from entrypoints.web.doors.intent import author, version_known
from entrypoints.web.keys import SERVICES
from entrypoints.web.requests.ids import task_id_of
from entrypoints.web.requests.parameters import QUERY

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


@operation("List the versions of a task", ok(VersionListDocument, "The last versions."), query=(LIMIT,))
async def list_versions(request: web.Request) -> web.Response:
    """The last versions of a task, newest first; those of a deleted task, too, as long as they are kept."""
    task_id = task_id_of(request)
    found = await request.app[SERVICES].past.versions(task_id, limit=request[QUERY][LIMIT])
    document: VersionListDocument = {
        "task_id": task_id,
        "versions": [version_document(each.record, each.differences) for each in found],
    }
    return json_answer(document)


@operation("Read a version of a task", ok(VersionDocument, "The version."))
async def read_version(request: web.Request) -> web.Response:
    """One version of a task."""
    found = await request.app[SERVICES].past.version(task_id_of(request), _version_of(request))
    return json_answer(version_document(found.record, found.differences))


@operation(
    "Restore a version of a task",
    ok(ChangedTaskDocument, "The task as it is now, or with `dry_run` as it would be.", *MARKS),
    query=(DRY_RUN,),
    body=REASON,
    is_keyed=True,
    is_conditional=True,
    problems=("name_taken", "wrong_state"),
)
async def restore_version(request: web.Request) -> web.Response:
    """An edit back to the definition of that version, or with `?dry_run=true` what the task would be."""
    dry_run = request[QUERY][DRY_RUN]
    body = await REASON.read(request)
    version = _version_of(request)
    done = await request.app[SERVICES].restore.restore(
        task_id_of(request),
        version,
        await author(request, reason=body.reason),
        if_version=version_known(request),
        dry_run=dry_run,
    )
    return await changed_answer(request, done, message=_restored(version, done, dry_run=dry_run), dry_run=dry_run)


@operation("Undelete a task", CHANGED, body=REASON, is_keyed=True, problems=("name_taken", "wrong_state"))
async def undelete_task(request: web.Request) -> web.Response:
    """Back as it was; what it owed meanwhile is passed over."""
    body = await REASON.read(request)
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
