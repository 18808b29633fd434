"""The API of files of tasks: what a file asks for, told or done."""

import asyncio

from aiohttp import web

from application.scheduling.declarations import FileBody, json_file, yaml_file
from application.scheduling.services.apply_document import ApplyDocument, apply_document
from application.scheduling.services.apply_plan import PRUNE_LIMIT
from entrypoints.web.answers import json_answer
from entrypoints.web.api.parameters import DRY_RUN, flag, number, text
from entrypoints.web.contract import examples
from entrypoints.web.contract.operations import ok, operation
from entrypoints.web.doors.intent import author
from entrypoints.web.keys import SERVICES
from entrypoints.web.requests.bodies import JSON_TYPES, RequestBody, typed_body
from entrypoints.web.requests.parameters import QUERY

YAML_TYPES = frozenset({"application/yaml"})
"""RFC 9512."""
BODY = RequestBody(FileBody, types=JSON_TYPES | YAML_TYPES, examples=examples.FILES)
PRUNE = flag(
    "prune", "Deletes what the manager has created and the file does not have; it can be undeleted for 30 days."
)
LIMIT = number(
    "prune_limit",
    "How many per cent of what the manager has created may be pruned: if it were more, nothing is done.",
    default=PRUNE_LIMIT,
    most=100,
)
MANAGER = text("manager", "Whose file it is: goes before the name that stands in it.")


@operation(
    "Apply a file of tasks",
    ok(ApplyDocument, "What became of each task, or would."),
    query=(DRY_RUN, PRUNE, LIMIT, MANAGER),
    body=BODY,
)
async def apply_file(request: web.Request) -> web.Response:
    """Tasks as a file says them, which is written as the export writes it, in JSON or YAML.

    The file is judged as a whole: with one fault nothing is done, and all of them are told. Then each task is changed
    by itself. What somebody else said and the file does not mention stays, and is told as drift. Applied again, the
    same file changes nothing.
    """
    query, services = request[QUERY], request.app[SERVICES]
    raw = await typed_body(request, BODY.types)
    # A megabyte of YAML takes a second, which others must not wait for.
    file = await asyncio.to_thread(json_file if request.content_type in JSON_TYPES else yaml_file, raw)
    by = await author(request)
    plan = await services.apply.plan(file, by, manager=query[MANAGER], prune=query[PRUNE], limit=query[LIMIT])
    done = plan if query[DRY_RUN] else await services.apply.carry_out(plan, by)
    return json_answer(apply_document(done, dry_run=query[DRY_RUN]))
