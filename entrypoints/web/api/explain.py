"""The API of why: what became of a task's occurrences at a time, from the records."""

from aiohttp import web

from application.scheduling.explanations import ExplanationDocument, explanation_document
from domain.errors import DomainError
from domain.scheduling.asked_time import AskedTime
from entrypoints.web.answers import json_answer
from entrypoints.web.contract.operations import ok, operation
from entrypoints.web.keys import SERVICES
from entrypoints.web.requests.errors import RequestError
from entrypoints.web.requests.ids import task_id_of
from entrypoints.web.requests.parameters import QUERY, TEXT_MAX, Parameter, Query


def _asked(query: Query) -> AskedTime:
    text = query.text("at")
    if text is None:
        raise RequestError("bad_parameter", "at: say for which time", reason="missing", parameter="at")
    try:
        return AskedTime.parse(text)
    except DomainError as error:
        # A plus sign that was not escaped has become a blank on its way.
        detail = f"at: {error.detail} - {error.hint}; a plus sign is sent as %2B"
        raise RequestError("bad_parameter", detail, reason=error.reason, parameter="at") from error


AT = Parameter(
    "at",
    "A time with an offset (2026-03-29T01:30:00Z), or one on the clocks of the task's zone (2026-03-29T02:30).",
    {"type": "string", "maxLength": TEXT_MAX, "examples": ["2024-01-15T11:00:00Z"]},
    _asked,
    is_required=True,
)


@operation("Explain why a task ran, or did not", ok(ExplanationDocument, "What the records say."), query=(AT,))
async def explain_task(request: web.Request) -> web.Response:
    """Why it ran, or did not, at `at`: a time with an offset, or on the clocks of the task's zone."""
    explained = await request.app[SERVICES].explain.at(task_id_of(request), request[QUERY][AT])
    return json_answer(explanation_document(explained))
