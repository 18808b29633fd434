"""What a change is asked under: by whom, with which idempotency key, on which version."""

import re
from hashlib import sha256

from aiohttp import web

from application.scheduling.services.change_task import Author
from domain.scheduling.change import Via
from entrypoints.web.keys import ACTOR
from entrypoints.web.requests.bodies import raw_body
from entrypoints.web.requests.errors import RequestError

_KEY = re.compile(r"[\x20-\x7e]{1,200}", re.ASCII)
_ENTITY_TAG = re.compile(r'"([0-9]{1,18})"', re.ASCII)


async def author(request: web.Request, *, reason: str = "") -> Author:
    """Who asks by the API, and the key under which asking twice counts once. Raises RequestError.

    Clients' keys get a prefix, so that none of them can take the place of a key of our own or of somebody else's. No
    actor's name has a space, so no two pairs of actor and key are one text.
    """
    key = idempotency_key(request)
    return Author(
        actor=request[ACTOR],
        via=Via.API,
        reason=reason,
        idempotency_key=None if key is None else f"api:{request[ACTOR]} {key}",
        body_hash=request_hash(request, await raw_body(request)),
    )


def page_author(request: web.Request, *, reason: str = "", token: str = "", content: str = "") -> Author:
    """Who asks by a form; `token` is the form's own, so that sending it twice does once what it says."""
    return Author(
        actor=request[ACTOR],
        via=Via.PAGE,
        reason=reason,
        idempotency_key=f"page:{request[ACTOR]} {token}" if token else None,
        body_hash=request_hash(request, content.encode()),
    )


def idempotency_key(request: web.Request) -> str | None:
    """The header Idempotency-Key. Raises RequestError for one that is not 1 to 200 printable ASCII characters."""
    keys = request.headers.getall("Idempotency-Key", [])
    if not keys:
        return None
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        raise RequestError(
            "bad_header", "Idempotency-Key is 1 to 200 printable ASCII characters", header="Idempotency-Key"
        )
    return keys[0]


def version_known(request: web.Request) -> int | None:
    """The version in If-Match; None: the header is absent or `*`. Raises RequestError."""
    tags = request.headers.getall("If-Match", [])
    if not tags or tags == ["*"]:
        return None
    matched = _ENTITY_TAG.fullmatch(tags[0].strip()) if len(tags) == 1 else None
    if matched is None:
        raise RequestError("bad_header", 'If-Match is one entity tag, such as "3", or *', header="If-Match")
    return int(matched[1])


def request_hash(request: web.Request, content: bytes) -> str:
    """Tells requests apart: sha256 over method, path and content."""
    return sha256(b"\n".join((request.method.encode(), request.rel_url.raw_path.encode(), content))).hexdigest()
