"""The registry of what can be run: task type and name lead to a handler with a typed payload.

A handler is a function `(payload, run)`, async or plain (then it runs in a thread). Its payload's annotation, a
pydantic model or `dict`, is what saved tasks are checked against, what the dashboard builds its form from, and what
the handler is given.
"""

import inspect
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, Protocol, get_type_hints

from pydantic import BaseModel, ValidationError

from application.scheduling import json_text
from application.scheduling.ports.membership import HandlerSpec
from domain.errors import InvalidTaskError, SchedulerError
from domain.pointers import pointer_of
from domain.scheduling.identifiers import ExecutionId, TaskId

RESULT_BYTES_MAX = 16 * 1024


class PermanentError(SchedulerError):
    """Raised by a handler: trying again cannot help. The execution is dead at once, with `code` as its error."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail or code)
        self.code = str(code)


class RunCancelledError(SchedulerError):
    """Raised by `Run.checkpoint` inside a handler whose execution was asked to stop."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a handler returns to have it kept: JSON-able facts about what it did."""

    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Continue:
    """What a handler returns to be run again `after` a while, because there is more to do than one run may take."""

    after: timedelta = timedelta(0)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.after, timedelta):
            raise TypeError(f"after is a timedelta, not {type(self.after).__name__}")


class RunLog(Protocol):
    """Lines that appear on the execution's page while it runs; keyword values are appended as key=value."""

    def debug(self, text: str, /, **values: object) -> None:
        """Detail for whoever hunts a fault."""

    def info(self, text: str, /, **values: object) -> None:
        """What a reader wants to know."""

    def warning(self, text: str, /, **values: object) -> None:
        """What somebody should look at."""

    def error(self, text: str, /, **values: object) -> None:
        """What went wrong without ending the run."""


class Run(Protocol):
    """One attempt, as its handler sees it. Safe to use from the handler's thread."""

    @property
    def execution_id(self) -> ExecutionId:
        """The same for every attempt: use it to make outside effects idempotent."""

    @property
    def task_id(self) -> TaskId:
        """Whose execution it is."""

    @property
    def task_name(self) -> str:
        """The task's name in the version that runs."""

    @property
    def attempt(self) -> int:
        """1 for the first; starts that were rescued do not count."""

    @property
    def scheduled_at(self) -> datetime:
        """The instant for which it was scheduled, aware UTC."""

    @property
    def dispatched_at(self) -> datetime:
        """The instant since which it could be claimed, aware UTC."""

    @property
    def message_id(self) -> str:
        """Its message in the stream of its type; the execution's id where there are no streams."""

    @property
    def fence(self) -> int:
        """Rises with every claim: lets an outside resource refuse a holder that was taken for dead."""

    @property
    def deadline(self) -> float:
        """The monotonic instant (seconds, the clock's stop-watch) at which the attempt times out."""

    @property
    def log(self) -> RunLog:
        """Where to write what happens."""

    @property
    def is_cancelled(self) -> bool:
        """True once somebody asked this execution to stop."""

    def checkpoint(self) -> None:
        """Raise RunCancelledError if the execution was asked to stop: call it where stopping does no harm."""

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        """Say how far it has come; the page shows it within about a second."""


Returned = Summary | Continue | Mapping[str, Any] | None
Function = Callable[[Any, Run], Awaitable[Returned]] | Callable[[Any, Run], Returned]


@dataclass(frozen=True, slots=True)
class Handler:
    """A registered function and what is known of it; `name` None serves every name of the type.

    `is_async` is False for a plain function, which runs in a thread.
    """

    task_type: str
    name: str | None
    function: Function
    payload_model: type[BaseModel] | None
    description: str = ""
    max_retries: int | None = None
    timeout: timedelta | None = None
    is_async: bool = field(init=False)

    def __post_init__(self) -> None:
        # It is asked at every run, and looking at a function takes as long as calling it.
        object.__setattr__(self, "is_async", inspect.iscoroutinefunction(_code_of(self.function)))

    @property
    def spec(self) -> HandlerSpec:
        """What a worker announces of it."""
        defaults = {"max_retries": self.max_retries, "timeout_seconds": self._timeout_seconds}
        return HandlerSpec(
            task_type=self.task_type,
            name=self.name,
            description=self.description,
            payload_schema=self.payload_model.model_json_schema() if self.payload_model else None,
            defaults={key: value for key, value in defaults.items() if value is not None},
        )

    @property
    def _timeout_seconds(self) -> int | None:
        return None if self.timeout is None else int(self.timeout.total_seconds())

    def payload(self, text: str) -> Any:
        """The payload as the function wants it. Raises InvalidTaskError (`invalid_payload`) with its pointer."""
        value = json.loads(text)
        if self.payload_model is None:
            return value
        try:
            return self.payload_model.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            raise InvalidTaskError(
                first["msg"], code="invalid_payload", pointer=pointer_of(("payload", *first["loc"]))
            ) from error


class Processors:
    """Handlers by task type and name; one for a name goes before one for its whole type."""

    def __init__(self) -> None:
        self._handlers: dict[tuple[str, str | None], Handler] = {}

    def task(
        self,
        task_type: str,
        name: str | None = None,
        *,
        max_retries: int | None = None,
        timeout: timedelta | None = None,
    ) -> Callable[[Function], Function]:
        """Register the decorated function under (task_type, name). Raises ValueError if something else is there."""

        def register(function: Function) -> Function:
            self.add(
                Handler(
                    task_type,
                    name,
                    function,
                    _payload_model(function),
                    description=inspect.cleandoc(function.__doc__ or "").partition("\n")[0],
                    max_retries=max_retries,
                    timeout=timeout,
                )
            )
            return function

        return register

    def add(self, handler: Handler) -> None:
        """Register a handler. Raises ValueError if its place is taken by another function."""
        there = self._handlers.setdefault((handler.task_type, handler.name), handler)
        if there.function is not handler.function:
            raise ValueError(f"two handlers for task type {handler.task_type!r}, name {handler.name!r}")

    def include(self, others: Iterable[Handler]) -> None:
        """Register all of these."""
        for handler in others:
            self.add(handler)

    def find(self, task_type: str, name: str) -> Handler | None:
        """Return what runs tasks of this type and handler name, or None."""
        return self._handlers.get((task_type, name)) or self._handlers.get((task_type, None))

    def __iter__(self) -> Iterator[Handler]:
        return iter(tuple(self._handlers.values()))

    @property
    def specs(self) -> tuple[HandlerSpec, ...]:
        """What a worker with these handlers announces."""
        return tuple(handler.spec for handler in self._handlers.values())


def announced_spec(announced: Iterable[HandlerSpec], task_type: str, name: str) -> HandlerSpec | None:
    """Which of the announced handlers runs tasks of this type and handler name; None: no living worker has one."""
    for wanted in (name, None):
        for spec in announced:
            if spec.task_type == task_type and spec.name == wanted:
                return spec
    return None


def _payload_model(function: Function) -> type[BaseModel] | None:
    """The model by which the first parameter is annotated, if it is one. Raises TypeError if the name leads nowhere."""
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters:
        raise TypeError(f"{function!r} takes no payload")
    # This one annotation alone: the others may name what only a type checker imports.
    annotated = SimpleNamespace(__annotations__={"payload": parameters[0].annotation})
    if parameters[0].annotation is inspect.Parameter.empty:
        return None
    try:
        annotation = get_type_hints(annotated, globalns=getattr(_code_of(function), "__globals__", {}))["payload"]
    except NameError as error:
        raise TypeError(f"the payload of {function!r} is annotated with a name unknown at run time: {error}") from error
    return annotation if inspect.isclass(annotation) and issubclass(annotation, BaseModel) else None


def _code_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that a partial or an object with `__call__` stands for."""
    if isinstance(function, partial):
        return _code_of(function.func)
    return function if inspect.isroutine(function) else type(function).__call__


def result_text(returned: Returned) -> str | None:
    """The JSON text kept of what a handler returned, or a note in its place if it is not JSON or too large."""
    if returned is None:
        return None
    try:
        facts = dict(returned.facts) if isinstance(returned, Summary | Continue) else returned
        text = json.dumps(facts, allow_nan=False, default=str, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) > RESULT_BYTES_MAX:
            return _dropped(f"more than {RESULT_BYTES_MAX:,} bytes")
        # What is kept must be fit to be shown: nested no deeper, and made of the same characters, as what we accept.
        json_text.read(text)
    except Exception:  # noqa: BLE001 - the values of a result are user code too, their __str__ above all
        return _dropped("it is not JSON")
    return text


def _dropped(because: str) -> str:
    return json_text.write({"note": f"the result was dropped: {because}"})
