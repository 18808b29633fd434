"""The API of the processes: who is here, what runs where, and what nobody is able to run."""

from aiohttp import web
from typing_extensions import TypedDict

from application.scheduling.document_types import ExecutionDocument
from application.scheduling.documents import execution_document
from application.scheduling.services.inspect_team import Duty, Mate
from entrypoints.web.answers import json_answer
from entrypoints.web.api.documents import MemberDocument
from entrypoints.web.api.status import member_document
from entrypoints.web.contract.operations import ok, operation
from entrypoints.web.keys import SERVICES


class MateDocument(MemberDocument):
    """A process, its duty and what it runs now; `leaving`: it claims no more and finishes what it has."""

    duty: Duty
    running: list[ExecutionDocument]


class UnservedDocument(TypedDict):
    """A handler that tasks ask for and no living worker announces."""

    task_type: str
    name: str
    tasks: int


class TeamDocument(TypedDict):
    """Everybody who is here; `orphans` run by the records under a worker that is not here."""

    workers: list[MateDocument]
    orphans: list[ExecutionDocument]
    unserved: list[UnservedDocument]


@operation("List the processes", ok(TeamDocument, "The processes as of now."))
async def list_workers(request: web.Request) -> web.Response:
    """Schedulers and workers that have given a sign of life of late, what each runs, and what nobody can run."""
    team = await request.app[SERVICES].team.team()
    document: TeamDocument = {
        "workers": [_mate(each) for each in team.mates],
        "orphans": [execution_document(each) for each in team.orphans],
        "unserved": [{"task_type": each.task_type, "name": each.name, "tasks": each.tasks} for each in team.unserved],
    }
    return json_answer(document)


def _mate(mate: Mate) -> MateDocument:
    return {
        **member_document(mate.member),
        "duty": mate.duty,
        "running": [execution_document(each) for each in mate.running],
    }
