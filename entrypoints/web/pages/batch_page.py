"""One change of many tasks by a form: first what it would change, then, once confirmed, what it changed.

Nothing is done by asking. The confirmation names the tasks that would change, and its form carries exactly those, so
what was shown is what is done; sent twice, it does nothing twice, and the answer says so.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from aiohttp import web

from application.scheduling.explanations.words import counted
from application.scheduling.services.batch_change import BatchItem, BatchResult, Chosen, Outcome
from application.scheduling.services.batch_orders import WITH_VALUE, BatchAction, Order
from domain.errors import InvalidTaskError
from domain.scheduling.identifiers import TaskId
from domain.scheduling.policy import Misfire
from entrypoints.web.doors.access import CHANGES_OF_MANY, admit
from entrypoints.web.doors.intent import page_author
from entrypoints.web.keys import SERVICES
from entrypoints.web.pages.forms import fields_of, reason_of, see_other
from entrypoints.web.pages.task_choice import FILTERS, PLACE, kept, list_address, rows_of, which_of
from entrypoints.web.rendering import render
from entrypoints.web.requests.confirmation import check_count
from entrypoints.web.requests.errors import RequestError
from entrypoints.web.requests.parameters import Query
from entrypoints.web.words.batch_wording import ACTIONS, item_words, tally_words

SHOWN_MAX = 20
REFUSED_SHOWN_MAX = 200
PAUSES = {
    "": None,
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
}
"""For how long a pause may be ordered; "" is until somebody resumes."""
SCOPES = ("chosen", "page", "all")
FIELDS = ("action", "value", "ids", "versions", "reason", "lasts", "missed", "token", "back", "confirm")
"""Of the form that does it; `versions` are those at which `ids` must be, each in its place."""
_VERSION = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """The form as it came: what stood in it, and what is wrong with it, by field."""

    action: BatchAction
    fields: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)


async def confirm(request: web.Request) -> web.Response:
    """What an action would change, and the form that does it; an action without its value asks for that first."""
    if not request.query:
        # The address of a result, opened again: it is asked for by a form alone.
        return see_other(list_address(request, ""))
    query = Query(request, "action", "scope", "value", *FILTERS, *PLACE, repeated="ids")
    action = query.choice("action", BatchAction)
    if action is None:
        raise RequestError("bad_parameter", "action: choose what is to be done", parameter="action")
    await admit(request, CHANGES_OF_MANY[action])
    value = query.text("value") or ""
    if action in WITH_VALUE and not value:
        return _value_page(request, query, Asked(action))
    try:
        order = Order(action, value)
    except InvalidTaskError as error:
        return _value_page(request, query, Asked(action, {"value": value}, {"value": error.detail}))
    chosen = await _chosen(request, query)
    plan = await request.app[SERVICES].batch.run(order, chosen, page_author(request), dry_run=True)
    return _plan_page(request, plan, back=_back(query))


async def carry_out(request: web.Request) -> web.Response:
    """Do it to the tasks the form names, and show what became of each."""
    fields = await fields_of(request, *FIELDS)
    action = _action(fields)
    await admit(request, CHANGES_OF_MANY[action])
    services = request.app[SERVICES]
    ids = [TaskId(each) for each in fields.get("ids", "").split()]
    until, if_versions = _end(fields, services.clock.now()), _if_versions(fields, ids)
    order = Order(action, fields.get("value", ""), until, _missed(fields), if_versions)
    content = "\n".join(fields.get(name, "") for name in ("action", "value", "ids", "versions", "lasts", "missed"))
    try:
        by = page_author(request, reason=reason_of(fields), token=fields.get("token", ""), content=content)
        if action is BatchAction.DELETE:
            check_count(fields.get("confirm", ""), len(ids), "tasks")
    except InvalidTaskError as error:
        plan = await services.batch.run(order, ids, page_author(request), dry_run=True)
        asked = Asked(action, fields, {error.pointer.removeprefix("/") or "reason": error.detail})
        return _plan_page(request, plan, back=fields.get("back", ""), asked=asked)
    result = await services.batch.run(order, ids, by)
    return _result_page(request, result, fields)


async def _chosen(request: web.Request, query: Query) -> Chosen:
    """The tasks that were ticked, those of the page, or all that match."""
    scope = query.text("scope") or SCOPES[0]
    if scope not in SCOPES:
        raise RequestError("bad_parameter", f"scope: one of {', '.join(SCOPES)}", parameter="scope")
    if scope == "chosen":
        return [TaskId(each) for each in query.all]
    which = which_of(request, query)
    if scope == "all":
        return which
    order, descending = query.task_order()
    found = await request.app[SERVICES].inspect.list(
        which, order=order, descending=descending, limit=rows_of(query), cursor=query.cursor()
    )
    return [view.task.id for view in found.views]


def _value_page(request: web.Request, query: Query, asked: Asked) -> web.Response:
    """Ask for a tag or a time zone; everything else of the address goes on with it."""
    sent = [(name, text) for name, text in query.given.items() if name != "value"]
    sent += [("ids", each) for each in query.all]
    address = list_address(request, _back(query))
    context = {"asked": asked, "wording": ACTIONS[asked.action], "sent": sent, "list": address}
    return render(request, "batch_value.html", context, status=422 if asked.faults else 200)


def _plan_page(request: web.Request, plan: BatchResult, *, back: str, asked: Asked | None = None) -> web.Response:
    action = plan.order.action
    asked = asked or Asked(action)
    context = {
        **_told(plan, is_plan=True),
        "asked": asked,
        "shown": _lines(plan, plan.items[:SHOWN_MAX], is_plan=True),
        "more": len(plan.items) + plan.left - SHOWN_MAX,
        "ids": " ".join(item.task_id for item in plan.of(Outcome.DONE)),
        "pauses": PAUSES,
        "misfires": Misfire,
        "token": request.app[SERVICES].entropy.token(),
        "back": back,
        "list": list_address(request, back),
    }
    return render(request, "batch.html", context, status=422 if asked.faults else 200)


def _result_page(request: web.Request, result: BatchResult, fields: Mapping[str, str]) -> web.Response:
    back, undo, refused = fields.get("back", ""), result.undo, result.of(Outcome.REFUSED)
    others = [item for item in result.items if item.outcome is not Outcome.REFUSED]
    context = {
        **_told(result, is_plan=False),
        "shown": _lines(result, [*refused[:REFUSED_SHOWN_MAX], *others[:SHOWN_MAX]], is_plan=False),
        "more": max(0, len(refused) - REFUSED_SHOWN_MAX) + max(0, len(others) - SHOWN_MAX),
        "sent": fields,
        "undo": undo,
        "undo_wording": ACTIONS[undo.action] if undo else None,
        "token": request.app[SERVICES].entropy.token(),
        "back": back,
        "list": list_address(request, back),
    }
    return render(request, "batch_result.html", context)


def _told(result: BatchResult, *, is_plan: bool) -> dict[str, object]:
    action, counts = result.order.action, result.counts
    return {
        "order": result.order,
        "wording": ACTIONS[action],
        "count": counted(counts[Outcome.DONE], "task"),
        "total": len(result.items) + result.left,
        "left": result.left,
        "done": counts[Outcome.DONE],
        "tally": tally_words(action, counts, is_plan=is_plan),
    }


def _lines(result: BatchResult, items: Sequence[BatchItem], *, is_plan: bool) -> list[tuple[BatchItem, str]]:
    return [(item, item_words(result.order.action, item, is_plan=is_plan)) for item in items]


def _back(query: Query) -> str:
    return urlencode(kept(query.given, *FILTERS, *PLACE))


def _action(fields: Mapping[str, str]) -> BatchAction:
    try:
        return BatchAction(fields.get("action", ""))
    except ValueError:
        raise RequestError("bad_request", "the form cannot be read") from None


def _if_versions(fields: Mapping[str, str], ids: Sequence[TaskId]) -> dict[TaskId, int]:
    versions = fields.get("versions", "").split()
    if versions and (len(versions) != len(ids) or not all(map(_VERSION.fullmatch, versions))):
        raise RequestError("bad_request", "the form cannot be read")
    return dict(zip(ids, map(int, versions), strict=False))


def _end(fields: Mapping[str, str], now: datetime) -> datetime | None:
    lasts = fields.get("lasts", "")
    if lasts not in PAUSES:
        raise RequestError("bad_request", "the form cannot be read")
    length = PAUSES[lasts]
    return None if length is None else now + length


def _missed(fields: Mapping[str, str]) -> Misfire:
    missed = fields.get("missed") or Misfire.SKIP.value
    if missed not in list(Misfire):
        raise RequestError("bad_request", "the form cannot be read")
    return Misfire(missed)
