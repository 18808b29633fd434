"""The API about itself: its OpenAPI document."""

from typing import Any

from aiohttp import web
from typing_extensions import TypedDict

from entrypoints.web.answers import json_answer
from entrypoints.web.contract.openapi import openapi_document
from entrypoints.web.contract.operations import ok, operation
from entrypoints.web.keys import SETTINGS
from entrypoints.web.route import TABLE


class OpenApiDocument(TypedDict):
    """The members every OpenAPI document has."""

    openapi: str
    info: dict[str, Any]
    servers: list[dict[str, Any]]
    tags: list[dict[str, Any]]
    security: list[dict[str, Any]]
    paths: dict[str, Any]
    components: dict[str, Any]


@operation("Describe the API", ok(OpenApiDocument, "An OpenAPI 3.1 document."))
async def openapi(request: web.Request) -> web.Response:
    """This description, for generators of clients and for tools."""
    return json_answer(openapi_document(request.app[TABLE], request.app[SETTINGS].prefix))
