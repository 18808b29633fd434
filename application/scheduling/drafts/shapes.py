"""The shape of a task's JSON: pydantic models, so that the API's description and its behaviour are one.

Types and names are judged here; the meaning (schedules, zones, ranges) is judged by the domain alone.
"""

from datetime import timedelta
from typing import Any, Literal, TypeGuard, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from application.scheduling.drafts.scalars import CODE_PREFIX, REASON_MAX, Duration, Instant, Payload, Reason
from domain.errors import DomainError, nearest_of
from domain.pointers import pointer_of
from domain.scheduling.retry import Backoff, BackoffKind

READ_ONLY = frozenset(
    {"id", "status", "created_at", "updated_at", "deleted_at", "last_run_at", "next_run_at", "run_count", "error_count"}
    | {"last_error", "last_state", "warnings", "pause", "decided_until", "open_executions"}
    | {"schedule_sentence"}
)
_STRICT = ConfigDict(extra="forbid", strict=True)
JsonSchema = dict[str, Any]
NOT_NULL = frozenset({"enabled", "payload", "tags", "policy", "description", "delivery", "max_retries", "timezone"})
"""What may be left out but not be null; `handler` alone may, for that is how a task without one is shown."""
# Looking for what was meant takes longer than anything else in here.
HINTED_MAX = 20
_SHAPES = {
    "model_type": "this is a JSON object",
    "dict_type": "this is a JSON object",
    "list_type": "this is a list",
    "string_type": "this is a text",
    "int_type": "this is a whole number",
    "bool_type": "this is true or false",
    "string_too_long": f"at most {REASON_MAX} characters",
}
_CODES = {"extra_forbidden": "unknown_field", "missing": "required"}
_DETAILS = {"unknown_field": "there is no such field", "required": "this field is missing"}


class BackoffBody(BaseModel):
    """The wait before each retry."""

    model_config = _STRICT
    kind: Literal["fixed", "linear", "exponential", "list"] = "exponential"
    initial: Duration = timedelta(seconds=30)
    cap: Duration = timedelta(minutes=30)
    delays: list[Duration] = Field(default_factory=list)

    def domain(self) -> Backoff:
        """The value it stands for. Raises InvalidPolicyError."""
        return Backoff(BackoffKind(self.kind), self.initial, self.cap, tuple(self.delays))


class PolicyBody(BaseModel):
    """How a task wants to be run; whatever is left out has its default."""

    model_config = _STRICT
    misfire: Literal["skip", "latest", "earliest", "all"] = "latest"
    grace: Duration | None = None
    catch_up_max: int = 100
    overlap: Literal["skip", "queue_one", "cancel_previous", "allow"] | None = None
    backoff: BackoffBody = Field(default_factory=BackoffBody)
    timeout: Duration | None = None
    start_at: Instant | None = None
    end_at: Instant | None = None
    max_runs: int | None = None
    jitter: Duration = timedelta(0)
    fail_after: int | None = 3


def _tell_what_is_not_null(schema: JsonSchema) -> None:
    """None stands for a field that was left out, which is not the same as null to those who send it."""
    for name in NOT_NULL & schema["properties"].keys():
        told = schema["properties"][name]
        if told.get("default", "") is None:
            del told["default"]
        alternatives = [each for each in told.pop("anyOf", []) if each.get("type") != "null"]
        told |= {"anyOf": alternatives} if len(alternatives) > 1 else dict(*alternatives)


class TaskBody(BaseModel):
    """A task as the API takes it; what only the server says (id, status, counters …) may stand in it and is ignored.

    `anchor` is the instant from which an interval counts; given for another kind, it says nothing. `version`, `if_past`
    and `reason` are no part of the definition: they say how and why it is to be written.
    """

    model_config = ConfigDict(**_STRICT, json_schema_extra=_tell_what_is_not_null)
    name: str
    task_type: str
    schedule_type: Literal["cron", "interval", "one_time"]
    schedule: str
    anchor: Instant | None = None
    timezone: str = "UTC"
    payload: Payload = None
    max_retries: int | None = None
    policy: PolicyBody | None = None
    handler: str | None = None
    tags: list[str] | None = None
    description: str | None = None
    delivery: Literal["managed", "external"] | None = None
    enabled: bool | None = None
    version: int | None = None
    if_past: Literal["refuse", "run_now"] = "refuse"
    reason: Reason = ""


def faults_of(error: ValidationError, model: type[BaseModel]) -> tuple[DomainError, ...]:
    """Pydantic's findings about a `model` as faults with JSON pointers; the first HINTED_MAX name the fields it has."""
    found = error.errors(include_url=False, include_input=False)
    return tuple(_fault(each, model if place < HINTED_MAX else None) for place, each in enumerate(found))


def _fault(found: ErrorDetails, model: type[BaseModel] | None) -> DomainError:
    pointer = pointer_of(found["loc"])
    kind, context = found["type"], found.get("ctx", {})
    if kind.startswith(CODE_PREFIX):
        return DomainError(
            found["msg"],
            code=kind.removeprefix(CODE_PREFIX),
            pointer=pointer,
            position=context["position"],
            hint=context["hint"],
        )
    code = _CODES.get(kind, "wrong_type" if kind.endswith("_type") else "invalid_value")
    detail = _SHAPES.get(kind) or _DETAILS.get(code) or found["msg"].replace("Input should", "this should")
    hint = _known_fields(model, found["loc"]) if code == "unknown_field" else None
    return DomainError(detail, code=code, pointer=pointer, hint=hint)


def _known_fields(model: type[BaseModel] | None, place: tuple[int | str, ...]) -> str | None:
    """The field of the same object that was meant, or all that it has; None where nothing is known of them."""
    *parents, name = map(str, place)
    for parent in parents:
        field = model.model_fields.get(parent) if model else None
        model = next((part for part in _parts(field.annotation) if _is_model(part)), None) if field else None
    return nearest_of(name, [field.alias or known for known, field in model.model_fields.items()]) if model else None


def _parts(annotation: Any) -> tuple[Any, ...]:
    """What a field may hold: the parts of a union, or the one type it has."""
    return get_args(annotation) or (annotation,)


def _is_model(part: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(part, type) and issubclass(part, BaseModel)
