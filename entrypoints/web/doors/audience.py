"""For whom an answer is: somebody with a browser, or a program."""

from aiohttp import web

from entrypoints.web.keys import under_prefix


def is_for_browser(request: web.Request) -> bool:
    """True if HTML was asked for outside the API."""
    is_api = request.path.startswith((under_prefix(request, "/api/"), "/health/"))
    return not is_api and "text/html" in request.headers.get("Accept", "")
