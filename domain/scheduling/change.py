"""Who changed what, and the record every change leaves."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ChangeAction(StrEnum):
    """What was done to a task."""

    CREATE = "create"
    EDIT = "edit"
    PAUSE = "pause"
    RESUME = "resume"
    PAUSE_ENDED = "pause_ended"
    DELETE = "delete"
    UNDELETE = "undelete"
    RESTORE = "restore"
    RUN = "run"
    REDRIVE = "redrive"
    BACKFILL = "backfill"
    CANCEL = "cancel"
    REDERIVE = "rederive"

    @property
    def moves_version(self) -> bool:
        """True if the task is another one afterwards; what is done to executions leaves it what it was."""
        return self not in OF_EXECUTIONS


OF_EXECUTIONS = frozenset({ChangeAction.RUN, ChangeAction.REDRIVE, ChangeAction.BACKFILL, ChangeAction.CANCEL})
"""What people do to the executions of a task and not to the task."""


class Via(StrEnum):
    """The way a change came in."""

    API = "api"
    PAGE = "page"
    CLI = "cli"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Change:
    """One accepted change: the audit record, written in the same step as the change itself.

    An `idempotency_key` names it for ever: the same key with the same `body_hash` answers with what was done, with
    another it is refused.
    """

    action: ChangeAction
    actor: str
    via: Via
    at: datetime
    reason: str = ""
    idempotency_key: str | None = None
    body_hash: str = ""
