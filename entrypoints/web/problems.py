"""Every refusal as a problem of RFC 9457, or as a page for those who came by a browser.

The one place where errors become statuses, and the last resort: what nobody foresaw is logged with a request id, and
the answer says nothing else of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from application.scheduling.documents import Document
from application.scheduling.ports.errors import PortError, StoreFullError
from application.scheduling.ports.passwords import PasswordsBusyError
from application.scheduling.services.access_errors import AccessError, SignInDelayedError
from application.scheduling.services.errors import (
    ExecutionNotFoundError,
    KeyInFlightError,
    KeyReusedError,
    NameTakenError,
    StaleVersionError,
    TaskChangedError,
    TaskNotFoundError,
    TaskUnreadableError,
    VersionNotFoundError,
)
from domain.errors import (
    DomainError,
    IllegalTransitionError,
    InvalidInputError,
    MalformedJsonError,
    SchedulerError,
    TaskStateError,
)
from entrypoints.web.answers import etag, json_answer
from entrypoints.web.catalogue import BY_STATUS, KINDS
from entrypoints.web.contract.problem_documents import FaultDocument
from entrypoints.web.doors.audience import is_for_browser
from entrypoints.web.kept_forms import kept_form
from entrypoints.web.keys import REQUEST_ID, SETTINGS, under_prefix
from entrypoints.web.rendering import render
from entrypoints.web.requests.errors import RequestError

ERRORS_MAX = 50
RETRY_AFTER_SECONDS = 1
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="PeachPie scheduler"'}

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal: its kind in the catalogue, what exactly is wrong, and what else goes with the answer."""

    kind: str
    detail: str
    errors: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind].status

    @property
    def all_headers(self) -> Mapping[str, str]:
        """Its headers, and with a 401 what would be taken, which RFC 9110, 15.5.2 asks for."""
        return {**self.headers, **(CHALLENGE if self.status == web.HTTPUnauthorized.status_code else {})}


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into an answer; none of them closes the connection or ends the process."""
    try:
        return await handler(request)
    except web.HTTPException as answer:
        if answer.status < 400:
            raise
        return await problem_answer(request, _of_framework(answer))
    except Exception as error:  # noqa: BLE001 - the HTTP edge: whatever it is, the next request must find us here
        return await problem_answer(request, problem_of(error) or _unforeseen(request, error))


async def problem_answer(request: web.Request, problem: Problem) -> web.StreamResponse:
    """The answer to a program, or a page for a person with a browser."""
    if is_for_browser(request):
        kept = await kept_form(request) if problem.status == web.HTTPServiceUnavailable.status_code else None
        context = {
            "problem": problem,
            "kind": KINDS[problem.kind],
            "kept": kept,
            "of_task": _page_of_deleted(request, problem),
        }
        return render(request, "problem.html", context, status=problem.status, headers=problem.all_headers)
    document = problem_document(request, problem)
    return json_answer(
        document, status=problem.status, headers=problem.all_headers, content_type="application/problem+json"
    )


def _page_of_deleted(request: web.Request, problem: Problem) -> str | None:
    """The page on which a task comes back if it was deleted; None where no task is missed, or on that page itself."""
    task_id = request.match_info.get("task_id", "")
    page = under_prefix(request, f"/scheduled-tasks/{quote(task_id, safe='')}")
    return page if problem.kind == "task_not_found" and task_id and request.rel_url.raw_path != page else None


def problem_document(request: web.Request, problem: Problem) -> Document:
    """The problem as JSON; `error` is what the guide's clients read."""
    kind = KINDS[problem.kind]
    return {
        "type": f"{request.app[SETTINGS].prefix}/problems/{problem.kind}",
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        # Of what is not there, the guide promises the words of the title.
        "error": kind.title if kind.status == web.HTTPNotFound.status_code else problem.detail,
        **problem.members,
        "errors": list(problem.errors[:ERRORS_MAX]),
    }


def problem_of(error: Exception) -> Problem | None:
    """The problem an error stands for; None: nobody foresaw it."""
    match error:
        case RequestError():
            return _of_request(error)
        case DomainError():
            return _of_domain(error)
        case (
            TaskNotFoundError()
            | VersionNotFoundError()
            | ExecutionNotFoundError()
            | KeyReusedError()
            | KeyInFlightError()
            | AccessError()
        ):
            return Problem(error.code, str(error), headers=_wait(error))
        case NameTakenError():
            fault = DomainError(str(error), code=error.code, pointer="/name", hint=error.hint)
            return Problem(error.code, str(error), (error_document(fault),), members={"taken_by": error.by})
        case StaleVersionError() | TaskChangedError():
            headers = {"ETag": etag(error.version)} if error.version else {}
            members = {"version": error.version} if error.version else {}
            return Problem(error.code, str(error), headers=headers, members=members)
        case TaskUnreadableError():
            return Problem(error.code, "the task's record cannot be read")
        case PortError():
            return _of_port(error)
        case _:
            return None


def error_document(fault: DomainError) -> FaultDocument:
    """One entry of `errors`."""
    return {
        "pointer": fault.pointer,
        "code": fault.reason,
        "detail": fault.detail,
        "hint": fault.hint,
        "position": fault.position,
    }


def _of_domain(error: DomainError) -> Problem:
    match error:
        case MalformedJsonError():
            return Problem("malformed_json", error.detail, (error_document(error),))
        case InvalidInputError():
            return Problem("invalid_input", error.detail[:1000], [error_document(fault) for fault in error.faults])
        case TaskStateError() | IllegalTransitionError():
            return Problem("wrong_state", error.detail, (error_document(error),))
        case DomainError(reason="bad_cursor"):
            return _of_request(RequestError("bad_parameter", error.detail, reason="bad_cursor", parameter="cursor"))
        case _:
            return Problem("invalid_input", error.detail, (error_document(error),))


def _of_port(error: PortError) -> Problem:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if isinstance(error, PasswordsBusyError):
        return Problem("too_many_attempts", str(error), headers=headers)
    if isinstance(error, StoreFullError):
        return Problem("store_unavailable", "the store has no room left for anything new", headers=headers)
    return Problem("store_unavailable", "the store does not answer for now", headers=headers)


def _wait(error: SchedulerError) -> dict[str, str]:
    return {"Retry-After": str(int(error.wait.total_seconds()))} if isinstance(error, SignInDelayedError) else {}


def _of_request(error: RequestError) -> Problem:
    place = {"parameter": error.parameter, "header": error.header}
    named = {part: name for part, name in place.items() if name is not None}
    errors = [{**named, "code": error.reason, "detail": error.detail}] if named else []
    return Problem(error.kind, error.detail, errors, error.headers)


def _of_framework(answer: web.HTTPException) -> Problem:
    kind = BY_STATUS.get(answer.status, "bad_request" if answer.status < 500 else "internal_error")
    headers = {"Allow": answer.headers["Allow"]} if "Allow" in answer.headers else {}
    return Problem(kind, KINDS[kind].title, headers=headers)


def _unforeseen(request: web.Request, error: Exception) -> Problem:
    request_id = request[REQUEST_ID]
    path = request.rel_url.raw_path
    logger.error("request failed", request_id=request_id, method=request.method, path=path, exc_info=error)
    return Problem("internal_error", "something went wrong on our side", members={"request_id": request_id})
