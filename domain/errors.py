"""What can be wrong with what people ask for: the root of every error, and one class per broken rule."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import ClassVar

# No name of ours is longer; comparing takes time that grows with the length.
_COMPARED_MAX = 64


class SchedulerError(Exception):
    """Root of every error this project raises on purpose."""


class DomainError(SchedulerError):
    """A rule of the domain is broken by a value somebody gave; nothing was changed.

    `pointer` is the JSON pointer of the field at fault, `position` the 0-based character in its text (None: the
    whole field), `code` a stable lower_snake name, `detail` what is wrong and `hint` what would be right.
    """

    code: ClassVar[str] = "invalid"
    default_pointer: ClassVar[str] = ""

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        pointer: str | None = None,
        position: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.reason = code or self.code
        self.pointer = self.default_pointer if pointer is None else pointer
        self.position = position
        self.hint = hint


class InvalidScheduleError(DomainError):
    """A schedule cannot be understood, or can never fire (`never_fires`)."""

    code = "invalid_schedule"
    default_pointer = "/schedule"


class InvalidTimezoneError(InvalidScheduleError):
    """A time zone is no canonical IANA key known to the tzdata in use."""

    code = "unknown_timezone"
    default_pointer = "/timezone"


class InvalidPolicyError(DomainError):
    """A limit or choice in a task's policy is out of its range."""

    code = "invalid_policy"
    default_pointer = "/policy"


class InvalidTaskError(DomainError):
    """A task's own fields (name, type, payload, tags) break a rule."""

    code = "invalid_task"


class InvalidAccountError(DomainError):
    """A user's or a token's name, a password or a term breaks a rule; what was given is never repeated."""

    code = "invalid_account"


class IllegalTransitionError(DomainError):
    """An execution was asked to take an edge its transition table does not have."""

    code = "illegal_transition"


class TaskStateError(DomainError):
    """The task is in no state for this (`exhausted`, `already_running`, `completed`): a conflict, not bad input."""

    code = "wrong_state"


class InvalidInputError(DomainError):
    """Several faults of one input, told together; `faults` has at least one."""

    code = "invalid_input"

    def __init__(self, faults: tuple[DomainError, ...]) -> None:
        super().__init__("; ".join(f"{fault.pointer}: {fault.detail}".removeprefix(": ") for fault in faults))
        self.faults = faults


class MalformedJsonError(DomainError):
    """A text is not the JSON we accept: the syntax, or a limit on depth, size, numbers or characters."""

    code = "malformed_json"


def nearest_of(name: str, known: Collection[str]) -> str:
    """A hint for a name that is none of these: the one that was meant, or all of them in their order."""
    meant = get_close_matches(name[:_COMPARED_MAX], known, n=1, cutoff=0.75)
    return f"did you mean {meant[0]}?" if meant else f"there are {', '.join(known)}" if known else "there are none"
