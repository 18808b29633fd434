"""The shape of every JSON answer."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from application.scheduling import json_text

REPLAYED = {"Idempotency-Replayed": "true"}
"""The header of an answer to a request that was carried out before."""


def json_answer(
    document: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> web.Response:
    """The document as JSON in UTF-8, a line feed at its end for those who read it in a terminal."""
    text = json_text.write(document) + "\n"
    return web.Response(text=text, status=status, headers=headers, content_type=content_type, charset="utf-8")


def figures_answer(text: bytes) -> web.Response:
    """Figures in the text format 0.0.4 of Prometheus, which whatever reads figures understands."""
    return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def etag(version: int) -> str:
    """The entity tag of a version of a task."""
    return f'"{version}"'
