"""What forms have in common: known fields, the way on, and being shown again when it is refused."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from application.scheduling.drafts import reason_from
from application.scheduling.ports.passwords import PasswordsBusyError
from application.scheduling.services.access_errors import AccessError
from domain.access.role import Role
from domain.errors import DomainError, InvalidAccountError, SchedulerError
from entrypoints.web.builder.payload_form import INPUTS_MAX, PREFIX
from entrypoints.web.kept_forms import SECRETS
from entrypoints.web.problems import Problem, problem_of
from entrypoints.web.requests.bodies import FORM_FIELDS_MAX, form_body
from entrypoints.web.requests.errors import RequestError

ACCESS_REFUSALS = (AccessError, DomainError, PasswordsBusyError)
NEVER_SHOWN_AGAIN = SECRETS | {"token"}


@dataclass(frozen=True, slots=True)
class Refused:
    """A form that was not accepted: which, what stood in it, and why; it is shown again as it was sent.

    `fault` is what `problem` was made of where a field of the form is at fault.
    """

    form: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    problem: Problem | None = None
    fault: DomainError | None = None


NOTHING_REFUSED = Refused()


async def fields_of(request: web.Request, *known: str) -> dict[str, str]:
    """The fields of the form. Raises RequestError for one that is not known."""
    fields = await form_body(request)
    _check_known(fields, known)
    return fields


async def fields_with_payload(request: web.Request, *known: str) -> dict[str, str]:
    """The fields of a form that has the inputs of a payload, whichever these are. Raises as `fields_of`."""
    fields = await form_body(request, fields_max=FORM_FIELDS_MAX + INPUTS_MAX)
    _check_known((name for name in fields if not name.startswith(PREFIX)), known)
    return fields


def reason_of(fields: Mapping[str, str]) -> str:
    """Why something is asked for. Raises InvalidTaskError for too much of it."""
    return reason_from(fields.get("reason", ""))


def refused(form: str, fields: Mapping[str, str], error: SchedulerError) -> Refused:
    """The form to be shown again, without what is secret in it."""
    problem = problem_of(error)
    assert problem is not None, "every refusal of a form is a problem"
    return Refused(form, {name: text for name, text in fields.items() if name not in NEVER_SHOWN_AGAIN}, problem)


def role_of(fields: Mapping[str, str]) -> Role:
    """The role that was chosen. Raises InvalidAccountError."""
    try:
        return Role(fields.get("role", ""))
    except ValueError:
        raise InvalidAccountError("there is no such role", code="invalid_value", pointer="/role") from None


def see_other(path: str) -> web.Response:
    """On to another page, by GET (RFC 9110, 15.4.4)."""
    return web.Response(status=303, headers={"Location": path})


def _check_known(names: Iterable[str], known: Iterable[str]) -> None:
    if not set(names) <= set(known):
        raise RequestError("bad_request", "the form cannot be read")
