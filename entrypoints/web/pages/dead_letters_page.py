"""What died and waits for somebody: the list, and several redriven at once after it was shown what that would do.

Both the question and its results stand in addresses: going back, looking again and handing on an address are harmless.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from aiohttp import web

from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.services.redrive_many import SELECTED_MAX, Redriven, Refusal
from domain.errors import DomainError
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ExecutionId
from entrypoints.web.errors import RequestError
from entrypoints.web.intent import page_author
from entrypoints.web.keys import SERVICES, under_prefix
from entrypoints.web.pages.forms import fields_of, reason_of, refused
from entrypoints.web.pages.task_page import NOTHING_REFUSED, Refused
from entrypoints.web.parameters import Query
from entrypoints.web.rendering import render
from entrypoints.web.wording import older_query

DEAD = frozenset({ExecutionState.DEAD})
IDS_CHARACTERS_MAX = 6_000
REFUSALS = {
    "already_running": "An execution of this task is still open. Wait for it, cancel it, or let them overlap.",
    "runs_overlap": "Another one of this task comes before it. Let them overlap, or redrive one at a time.",
    "not_dead": "It is not dead: there is nothing to redrive.",
    "execution_not_found": "There is no such execution any more.",
    "task_not_found": "Its task was deleted. Undelete the task first.",
    "task_unreadable": "The record of its task cannot be read.",
    "invalid_payload": "Its payload is none that the handler takes by now.",
    "invalid_input": "Its payload is none that the handler takes by now.",
    "task_changed": "The task was changed over and over meanwhile. Try again.",
}
OTHERWISE = "It was refused."
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


async def dead_letters(request: web.Request) -> web.Response:
    """A page of the dead executions, newest first, of all tasks or of one that is named."""
    query = Query(request, "task", "limit", "cursor")
    services, task = request.app[SERVICES], query.text("task")
    task_id = None if task is None else await services.inspect.named(task)
    page = await services.inspect.executions(ExecutionFilter(task_id, DEAD), limit=query.limit(), cursor=query.cursor())
    older = older_query(query.given, page.next_cursor)
    context = {"page": page, "given": query.given, "selected_max": SELECTED_MAX, "older": older}
    return render(request, "dead_letters.html", context)


async def confirm_redrive(request: web.Request) -> web.Response:
    """What redriving the selected ones would do, one by one, and a button that does it."""
    query = Query(request, "overlap", repeated="ids")
    ids, overlap = _distinct(query.all), query.given.get("overlap") == "allow"
    return await _redrive_page(request, ids, NOTHING_REFUSED, overlap=overlap)


async def redrive(request: web.Request) -> web.StreamResponse:
    """Redrive the selected ones and lead to what became of each."""
    fields = await fields_of(request, "ids", "overlap", "reason")
    ids, overlap = _distinct(fields.get("ids", "").split(",")), fields.get("overlap") == "allow"
    try:
        by = page_author(request, reason=reason_of(fields))
    except DomainError as error:
        return await _redrive_page(request, ids, refused("redrive", fields, error), overlap=overlap)
    done = await request.app[SERVICES].redrive_many.carry_out(ids, by, allow_overlap=overlap)
    raise web.HTTPSeeOther(f"{under_prefix(request, '/dead-letters/redriven')}?{urlencode(_told(done))}")


async def redriven(request: web.Request) -> web.Response:
    """What became of each, as the address says: which were started, which had been before, which were refused."""
    query = Query(request, "started", "before", "refused")
    refusals = (each.rpartition(":") for each in _listed(query, "refused"))
    outcomes = [
        *((each, "Redriven", "") for each in _listed(query, "started")),
        *((each, "Nothing to do", "It was redriven before.") for each in _listed(query, "before")),
        *((each, "Refused", REFUSALS.get(code, OTHERWISE)) for each, _, code in refusals),
    ]
    if not all(_ID.fullmatch(each) for each, _, _ in outcomes):
        raise RequestError("bad_parameter", "these are no ids of executions", reason="invalid_value")
    return render(request, "redriven.html", {"outcomes": outcomes, "tally": Counter(word for _, word, _ in outcomes)})


async def _redrive_page(
    request: web.Request, ids: Sequence[ExecutionId], sent: Refused, *, overlap: bool
) -> web.Response:
    foreseen = await request.app[SERVICES].redrive_many.foresee(ids, page_author(request), allow_overlap=overlap)
    return render(
        request,
        "redrive.html",
        {
            "foreseen": [(each, each.refusal and refusal_words(each.refusal)) for each in foreseen],
            "will_start": sum(each.refusal is None and each.redriven_by is None for each in foreseen),
            "ids": ",".join(ids),
            "overlap": overlap,
            "address": f"{under_prefix(request, '/dead-letters/redrive')}?{urlencode([('ids', each) for each in ids])}",
            "refused": sent,
        },
        status=sent.problem.status if sent.problem else 200,
    )


def refusal_words(refusal: Refusal) -> str:
    """Why one was, or would be, refused, and what would help."""
    return REFUSALS.get(_code(refusal), OTHERWISE)


def _code(refusal: Refusal) -> str:
    return refusal.reason if isinstance(refusal, DomainError) else refusal.code


def _distinct(texts: Iterable[str]) -> Sequence[ExecutionId]:
    """The ids, each once, in order. Raises RequestError for none, for too many and for what can be none."""
    ids = list(dict.fromkeys(each for each in texts if each))
    if not ids or len(ids) > SELECTED_MAX or not all(_ID.fullmatch(each) for each in ids):
        raise RequestError("bad_request", f"select 1 to {SELECTED_MAX} executions")
    return [ExecutionId(each) for each in ids]


def _listed(query: Query, name: str) -> Sequence[str]:
    return [each for each in (query.text(name, characters_max=IDS_CHARACTERS_MAX) or "").split(",") if each]


def _told(done: Sequence[Redriven]) -> dict[str, str]:
    """The outcomes as the query of an address."""
    told: dict[str, list[str]] = {
        "started": [each.execution_id for each in done if each.refusal is None and not each.replayed],
        "before": [each.execution_id for each in done if each.replayed],
        "refused": [f"{each.execution_id}:{_code(each.refusal)}" for each in done if each.refusal is not None],
    }
    return {name: ",".join(each) for name, each in told.items() if each}
