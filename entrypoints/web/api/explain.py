"""The API of why: what became of a task's occurrences at a time, from the records."""

from aiohttp import web

from application.scheduling.explanations import explanation_document
from domain.errors import DomainError
from domain.scheduling.asked_time import AskedTime
from entrypoints.web.answers import json_answer
from entrypoints.web.errors import RequestError
from entrypoints.web.ids import task_id_of
from entrypoints.web.keys import SERVICES
from entrypoints.web.parameters import Query


async def explain_task(request: web.Request) -> web.Response:
    """Why it ran, or did not, at `at`: a time with an offset, or on the clocks of the task's zone."""
    asked = _asked(Query(request, "at").text("at"))
    return json_answer(explanation_document(await request.app[SERVICES].explain.at(task_id_of(request), asked)))


def _asked(text: str | None) -> AskedTime:
    if text is None:
        raise RequestError("bad_parameter", "at: say for which time", reason="missing", parameter="at")
    try:
        return AskedTime.parse(text)
    except DomainError as error:
        # A plus sign that was not escaped has become a blank on its way.
        detail = f"at: {error.detail} - {error.hint}; a plus sign is sent as %2B"
        raise RequestError("bad_parameter", detail, reason=error.reason, parameter="at") from error
