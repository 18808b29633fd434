"""The registry of handlers: which one runs what, what is announced of it, and what its payload must be."""

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel, Field

from application.scheduling.ports.membership import HandlerSpec
from application.scheduling.processors import (
    Continue,
    Handler,
    PermanentError,
    Processors,
    Run,
    announced_spec,
)
from domain.errors import InvalidTaskError

if TYPE_CHECKING:
    from somewhere import Elsewhere  # type: ignore[import-not-found]


class Ask(BaseModel):
    """A payload."""

    days: Annotated[int, Field(ge=1)]
    note: str = ""


async def tidy(payload: Ask, run: Run) -> None:
    """Tidy up.

    And more.
    """


def plain(payload: dict[str, Any], run: Run) -> None:
    pass


class Sender:
    async def __call__(self, payload: Ask, run: Run) -> None:
        pass

    async def send(self, payload: Ask, run: Run) -> None:
        pass


def registered(function: Any, **options: Any) -> Handler:
    processors = Processors()
    processors.task("mail", **options)(function)
    (handler,) = processors
    return handler


def test_a_handler_for_a_name_goes_before_one_for_its_type() -> None:
    processors = Processors()
    processors.task("mail", "report")(tidy)
    processors.task("mail")(plain)

    functions = [
        found and found.function for found in (processors.find("mail", "report"), processors.find("mail", "x"))
    ]
    assert functions == [tidy, plain]
    assert processors.find("other", "report") is None


def test_a_place_is_taken_by_one_function() -> None:
    processors = Processors()
    processors.task("mail")(tidy)
    processors.task("mail")(tidy)

    with pytest.raises(ValueError, match="two handlers"):
        processors.task("mail")(plain)
    with pytest.raises(ValueError, match="two handlers"):
        processors.include([registered(plain)])


def test_what_is_announced_of_a_handler() -> None:
    spec = registered(tidy, max_retries=0, timeout=timedelta(minutes=2)).spec

    assert (spec.task_type, spec.name, spec.description) == ("mail", None, "Tidy up.")
    assert spec.defaults == {"max_retries": 0, "timeout_seconds": 120}
    assert spec.payload_schema is not None
    assert spec.payload_schema["required"] == ["days"]
    assert registered(plain).spec == HandlerSpec("mail", None)


@pytest.mark.parametrize(
    ("function", "is_async", "model"),
    [
        (tidy, True, Ask),
        (plain, False, None),
        (Sender(), True, Ask),
        (Sender().send, True, Ask),
        (functools.partial(tidy), True, Ask),
        (lambda payload, run: None, False, None),
    ],
    ids=["async", "plain", "object", "method", "partial", "lambda"],
)
def test_handlers_of_every_form_are_known_for_what_they_are(
    function: Any, is_async: bool, model: type[BaseModel] | None
) -> None:
    handler = registered(function)

    assert (handler.is_async, handler.payload_model) == (is_async, model)


def test_only_the_payloads_annotation_must_be_known_at_run_time() -> None:
    def handler(payload: Ask, run: "Elsewhere") -> None:
        pass

    def unknown(payload: "Elsewhere", run: Run) -> None:
        pass

    assert registered(handler).payload_model is Ask
    with pytest.raises(TypeError, match="Elsewhere"):
        registered(unknown)


def test_a_handler_without_a_payload_is_refused() -> None:
    bare: Callable[[], None] = lambda: None  # noqa: E731

    with pytest.raises(TypeError, match="takes no payload"):
        registered(bare)


def test_a_payload_that_does_not_fit_is_refused_at_its_pointer() -> None:
    handler = registered(tidy)

    assert handler.payload('{"days": 3}') == Ask(days=3)
    with pytest.raises(InvalidTaskError) as refused:
        handler.payload('{"days": 0}')
    assert (refused.value.reason, refused.value.pointer) == ("invalid_payload", "/payload/days")


def test_the_announced_handler_is_found_as_a_worker_would_find_it() -> None:
    whole, one = HandlerSpec("mail", None), HandlerSpec("mail", "report")

    assert announced_spec([whole, one], "mail", "report") is one
    assert announced_spec([whole, one], "mail", "other") is whole
    assert announced_spec([one], "mail", "other") is None


def test_what_a_handler_says_wrongly_is_its_own_error() -> None:
    after: Any = 300

    with pytest.raises(TypeError, match="timedelta"):
        Continue(after)
    code: Any = 404
    assert PermanentError(code).code == "404"
