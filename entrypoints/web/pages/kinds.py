"""The page behind the `type` of every problem."""

from aiohttp import web

from entrypoints.web.answers import json_answer
from entrypoints.web.catalogue import KINDS
from entrypoints.web.doors.audience import is_for_browser
from entrypoints.web.keys import under_prefix
from entrypoints.web.rendering import render


async def problem_kind(request: web.Request) -> web.Response:
    """What a kind of problem means and what to do about it, for people or as JSON."""
    name = request.match_info["kind"]
    kind = KINDS.get(name)
    if kind is None:
        raise web.HTTPNotFound
    if is_for_browser(request):
        return render(request, "kind.html", {"name": name, "kind": kind})
    path = under_prefix(request, f"/problems/{name}")
    return json_answer({"type": path, "title": kind.title, "status": kind.status, "advice": kind.advice})
