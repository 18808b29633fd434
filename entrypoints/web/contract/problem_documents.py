"""The JSON of a refusal, as types: RFC 9457, with what the guide's clients read."""

from typing import NotRequired

from typing_extensions import TypedDict

from domain.scheduling.identifiers import TaskId


class FaultDocument(TypedDict):
    """One thing that is wrong with what was sent; `position` is the 0-based character of the field."""

    pointer: str
    code: str
    detail: str
    hint: str | None
    position: int | None


class ErrorEntryDocument(TypedDict):
    """One thing that is wrong: with a field of the body (`pointer`), a parameter of the address, or a header."""

    code: str
    detail: str
    pointer: NotRequired[str]
    parameter: NotRequired[str]
    header: NotRequired[str]
    hint: NotRequired[str | None]
    position: NotRequired[int | None]


class ProblemDocument(TypedDict):
    """Why a request was refused (RFC 9457); `type` ends in the kind, and its page says what to do.

    `error` is what the guide's clients read. `version` is the present version of the task, `taken_by` the task that
    bears the name, `request_id` what to look for in the server's log.
    """

    type: str
    title: str
    status: int
    detail: str
    error: str
    errors: list[ErrorEntryDocument]
    version: NotRequired[int]
    taken_by: NotRequired[TaskId]
    request_id: NotRequired[str]
