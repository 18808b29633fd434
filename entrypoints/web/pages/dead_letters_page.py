"""What died and waits for somebody: the list, and several redriven at once after it was shown what that would do.

Both the question and its results stand in addresses: going back, looking again and handing on an address are harmless.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from aiohttp import web

from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.ports.records import ExecutionSummary
from application.scheduling.services.redrive_many import SELECTED_MAX, Redriven, Refusal
from domain.access.role import Role
from domain.errors import DomainError
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ExecutionId
from entrypoints.web.doors.intent import page_author
from entrypoints.web.keys import CALLER, SERVICES, under_prefix
from entrypoints.web.pages.forms import NOTHING_REFUSED, Refused, fields_of, reason_of, refused
from entrypoints.web.rendering import render
from entrypoints.web.requests.confirmation import check_count
from entrypoints.web.requests.errors import RequestError
from entrypoints.web.requests.paging import TRAIL, at_cursor, pages_of
from entrypoints.web.requests.parameters import Query
from entrypoints.web.words.terminal import dead_letters_commands

DEAD = frozenset({ExecutionState.DEAD})
IDS_CHARACTERS_MAX = 6_000
REFUSAL_WORDS = {
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
HELPED_BY_OVERLAP = frozenset({"already_running", "runs_overlap"})
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


async def dead_letters(request: web.Request) -> web.Response:
    """A page of the dead executions, newest first, of all tasks or of one that is named."""
    query = Query(request, "task", "limit", "cursor", TRAIL)
    services, task = request.app[SERVICES], query.text("task")
    task_id = None if task is None else await services.inspect.named(task)
    page = await services.inspect.executions(ExecutionFilter(task_id, DEAD), limit=query.limit(), cursor=query.cursor())
    pages = pages_of(query, at_cursor(page.next_cursor))
    waiting = (each.execution.id for each in page.executions if each.redriven_by is None)
    first = next(waiting, None) if request[CALLER].role.includes(Role.OPERATOR) else None
    context = {
        "page": page,
        "given": query.given,
        "selected_max": SELECTED_MAX,
        "pages": pages,
        "commands": dead_letters_commands(request, task_id, first),
    }
    return render(request, "dead_letters.html", context)


async def confirm_redrive(request: web.Request) -> web.Response:
    """What redriving the selected ones would do, one by one, and a button that does it."""
    query = Query(request, "overlap", repeated="ids")
    ids, overlap = _distinct(query.all) if any(query.all) else [], query.given.get("overlap") == "allow"
    return await _redrive_page(request, ids, NOTHING_REFUSED, overlap=overlap)


async def redrive(request: web.Request) -> web.StreamResponse:
    """Redrive the selected ones and lead to what became of each."""
    fields = await fields_of(request, "ids", "overlap", "reason", "confirm")
    ids, overlap = _distinct(fields.get("ids", "").split(",")), fields.get("overlap") == "allow"
    try:
        by = page_author(request, reason=reason_of(fields))
        if len(ids) > 1:
            check_count(fields.get("confirm", ""), len(ids), "executions")
    except DomainError as error:
        return await _redrive_page(request, ids, refused("redrive", fields, error), overlap=overlap)
    done = await request.app[SERVICES].redrive_many.carry_out(ids, by, allow_overlap=overlap)
    raise web.HTTPSeeOther(f"{under_prefix(request, '/dead-letters/redriven')}?{urlencode(_told(done))}")


async def redriven(request: web.Request) -> web.Response:
    """What became of those that the address names; it also says why some were refused, and is believed in that only."""
    query = Query(request, "started", "before", "refused")
    refusals = {each: code for each, _, code in (one.rpartition(":") for one in _listed(query, "refused"))}
    before = _listed(query, "before")
    ids = [ExecutionId(each) for each in dict.fromkeys((*_listed(query, "started"), *before, *refusals))]
    if len(ids) > SELECTED_MAX or not all(_ID.fullmatch(each) for each in ids):
        raise RequestError("bad_parameter", "these are no ids of executions", reason="invalid_value")
    known = await request.app[SERVICES].redrive_many.summaries(ids) if ids else {}
    outcomes = [
        (each, known.get(each), *_outcome(known.get(each), refusals.get(each), was_before=each in before))
        for each in ids
    ]
    beside = [each for each, _, word, *_ in outcomes if word == "Refused" and refusals[each] in HELPED_BY_OVERLAP]
    context = {
        "outcomes": outcomes,
        "tally": Counter(word for _, _, word, *_ in outcomes),
        "beside": _question(request, beside) if beside else None,
    }
    return render(request, "redriven.html", context)


async def _redrive_page(
    request: web.Request, ids: Sequence[ExecutionId], sent: Refused, *, overlap: bool
) -> web.Response:
    foreseen = await request.app[SERVICES].redrive_many.foresee(ids, page_author(request), allow_overlap=overlap)
    # Those alone are sent on: another may be free to start by then, and was not agreed to.
    starting = [each.execution_id for each in foreseen if each.refusal is None and each.redriven_by is None]
    return render(
        request,
        "redrive.html",
        {
            "foreseen": [(each, each.refusal and refusal_words(each.refusal)) for each in foreseen],
            "will_start": len(starting),
            "ids": ",".join(starting),
            "overlap": overlap,
            "address": _question(request, ids),
            "refused": sent,
        },
        status=sent.problem.status if sent.problem else 200,
    )


def _question(request: web.Request, ids: Iterable[ExecutionId]) -> str:
    return f"{under_prefix(request, '/dead-letters/redrive')}?{urlencode([('ids', each) for each in ids])}"


def refusal_words(refusal: Refusal) -> str:
    """Why one was, or would be, refused, and what would help."""
    return REFUSAL_WORDS.get(_code(refusal), OTHERWISE)


def _outcome(
    summary: ExecutionSummary | None, code: str | None, *, was_before: bool
) -> tuple[str, str, ExecutionId | None]:
    """What became of one, why, and the execution in its place."""
    if summary is None:
        return "Not on record", REFUSAL_WORDS["execution_not_found"], None
    if summary.redriven_by is not None:
        told = ("Nothing to do", "It was redriven before.") if was_before else ("Redriven", "")
        return *told, summary.redriven_by
    if code is not None:
        return "Refused", REFUSAL_WORDS.get(code, OTHERWISE), None
    return "Not redriven", "Nothing was started in its place.", None


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
