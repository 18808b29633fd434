"""A file of tasks by a form: pasted or uploaded, first what it would do, then, once confirmed, what it did.

The confirmation carries the file and the digest of its plan: what was shown is what is done, or it is shown again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from application.scheduling.declarations import file_in
from application.scheduling.explanations.words import counted
from application.scheduling.services.apply_plan import PRUNE_LIMIT, ApplyOutcome, ApplyPlan
from domain.errors import DomainError, InvalidInputError, InvalidTaskError
from entrypoints.web.doors.intent import page_author
from entrypoints.web.keys import SERVICES
from entrypoints.web.pages.forms import reason_of
from entrypoints.web.rendering import render
from entrypoints.web.requests.errors import RequestError
from entrypoints.web.requests.parameters import Query
from entrypoints.web.requests.uploads import upload_form

FIELDS = ("file", "upload", "manager", "prune", "prune_limit", "reason", "plan")
SHOWN_MAX = 200
FAULTS_SHOWN_MAX = 50
ORDER = (ApplyOutcome.REFUSED, ApplyOutcome.PRUNED, ApplyOutcome.CHANGED, ApplyOutcome.CREATED, ApplyOutcome.UNCHANGED)


async def import_form(request: web.Request) -> web.Response:
    """The form that takes a file."""
    Query(request)
    return _form_page(request, {})


async def import_file(request: web.Request) -> web.Response:
    """What the file would do, or, if that was confirmed, what it did."""
    fields = await _fields(request)
    apply = request.app[SERVICES].apply
    try:
        by = page_author(request, reason=reason_of(fields))
        file = await asyncio.to_thread(file_in, fields["file"].encode())
        limit, manager = _limit(fields), fields.get("manager", "").strip() or None
        plan = await apply.plan(file, by, manager=manager, prune="prune" in fields, limit=limit)
        if fields.get("plan") != plan.digest or plan.refusal is not None:
            return _plan_page(request, plan, fields)
        return _result_page(request, await apply.carry_out(plan, by))
    except DomainError as error:
        faults = error.faults if isinstance(error, InvalidInputError) else (error,)
        return _form_page(request, fields, faults)


async def _fields(request: web.Request) -> dict[str, str]:
    fields = await upload_form(request)
    if not fields.keys() <= set(FIELDS):
        raise RequestError("bad_request", "the form cannot be read")
    return {**fields, "file": fields.pop("upload", "") or fields.get("file", "")}


def _limit(fields: Mapping[str, str]) -> int:
    text = fields.get("prune_limit", "") or str(PRUNE_LIMIT)
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= 100):
        raise InvalidTaskError("a whole number from 1 to 100", code="out_of_range", pointer="/prune_limit")
    return int(text)


def _form_page(request: web.Request, fields: Mapping[str, str], faults: Sequence[DomainError] = ()) -> web.Response:
    context = {
        "fields": fields,
        "faults": faults[:FAULTS_SHOWN_MAX],
        "more": max(0, len(faults) - FAULTS_SHOWN_MAX),
        "of_field": {fault.pointer.removeprefix("/"): fault.detail for fault in faults},
        "limit": PRUNE_LIMIT,
    }
    return render(request, "import.html", context, status=422 if faults else 200)


def _plan_page(request: web.Request, plan: ApplyPlan, fields: Mapping[str, str]) -> web.Response:
    # A plan that is confirmed and is another by now was confirmed for what is no longer so.
    was_other = bool(fields.get("plan")) and fields["plan"] != plan.digest
    context = {**_told(plan), "fields": fields, "was_other": was_other, "is_plan": True}
    return render(request, "import_plan.html", context, status=422 if plan.refusal else 200)


def _result_page(request: web.Request, done: ApplyPlan) -> web.Response:
    return render(request, "import_plan.html", {**_told(done), "is_plan": False})


def _told(plan: ApplyPlan) -> dict[str, Any]:
    items = sorted(plan.items, key=lambda item: (ORDER.index(item.outcome), not item.drift))
    counts = plan.counts
    return {
        "plan": plan,
        "counts": [(outcome.value, counts[outcome]) for outcome in ORDER if counts[outcome]],
        "changes": counted(plan.changes, "task"),
        "items": items[:SHOWN_MAX],
        "more": max(0, len(items) - SHOWN_MAX),
    }
