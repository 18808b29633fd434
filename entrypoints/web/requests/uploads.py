"""Forms that may carry a file: `multipart/form-data` (RFC 7578), of a bounded number of small parts."""

import re

from aiohttp import web

from entrypoints.web.requests.bodies import FORM_TYPES, form_body, typed_body
from entrypoints.web.requests.errors import RequestError

UPLOAD_TYPES = frozenset({"multipart/form-data"})
FIELDS_MAX = 20
_BOUNDARY = re.compile(r'boundary="?([A-Za-z0-9\'()+_,./:=? -]{1,70})"?', re.ASCII)
_NAME = re.compile(r'Content-Disposition: *form-data;(?:.*; ?| *)name="([^"]*)"', re.IGNORECASE)


async def upload_form(request: web.Request) -> dict[str, str]:
    """The fields of a form, files as their texts; each at most once. Raises RequestError."""
    if request.content_type in FORM_TYPES:
        return await form_body(request)
    raw = await typed_body(request, UPLOAD_TYPES)
    boundary = _BOUNDARY.search(request.headers["Content-Type"])
    # RFC 2046, 5.1.1: the line feed in front of a boundary belongs to it.
    parts = (b"\r\n" + raw).split(b"\r\n--" + boundary[1].encode(), FIELDS_MAX + 2) if boundary else []
    if len(parts) < 3:
        raise RequestError("wrong_content_type", "the form has no fields", header="Content-Type")
    if len(parts) > FIELDS_MAX + 2 or not parts[-1].startswith(b"--"):
        raise _unreadable()
    fields = dict(map(_field, parts[1:-1]))
    if len(fields) < len(parts) - 2:
        raise _unreadable()
    return fields


def _field(part: bytes) -> tuple[str, str]:
    head, separator, content = part.partition(b"\r\n\r\n")
    try:
        name, text = _NAME.search(head.decode()), content.decode()
    except UnicodeDecodeError:
        raise _unreadable("what was sent is no text in UTF-8") from None
    if name is None or not separator or "\x00" in text:
        raise _unreadable()
    return name[1], text


def _unreadable(detail: str = "the form cannot be read") -> RequestError:
    return RequestError("bad_request", detail)
