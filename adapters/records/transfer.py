"""The rows by which stores are moved: of each kind the names of its values, keys first (ports/transfer.py)."""

import json
from collections.abc import Mapping, Sequence

from adapters.records.access import ACCOUNT_FIELDS, TOKEN_FIELDS
from adapters.records.executions import CHANGE_FIELDS, EXECUTION_FIELDS
from adapters.records.hold import HOLD_FIELDS
from adapters.records.tasks import BIRTH_FIELDS, DEFINITION_FIELDS
from adapters.records.trail import ACCESS_RECORD_FIELDS
from application.scheduling.ports.transfer import Kind, Mark, Standing

ROW_FIELDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.TASKS: BIRTH_FIELDS,
    # Since when another version is in its place; None: it is the present one of a task that there is.
    Kind.VERSIONS: ("task_id", "version", *DEFINITION_FIELDS, "superseded_at"),
    # The type is that of the version; then how far the attempt has come, and how much of the log is kept.
    Kind.EXECUTIONS: (*EXECUTION_FIELDS, "task_type", "progress", "log_lines", "log_bytes"),
    Kind.ATTEMPTS: (
        *("execution_id", "start", "worker_id", "started_at", "finished_at", "outcome", "error", "token", "led_to"),
    ),
    Kind.LOG_LINES: ("execution_id", "number", "at", "level", "text"),
    Kind.SKIPS: ("task_id", "first_at", "reason", "last_at", "count", "at_least"),
    Kind.CHANGES: ("id", *CHANGE_FIELDS),
    Kind.HOURS: ("hour", "task_type", "state", "step", "count"),
    # Up to which instant executions and Skips of a task were forgotten because there were too many of them.
    Kind.FORGOTTEN: ("task_id", "until"),
    Kind.USERS: ACCOUNT_FIELDS,
    Kind.TOKENS: ("digest", *TOKEN_FIELDS),
    Kind.ACCESS_RECORDS: ACCESS_RECORD_FIELDS,
    # The maintenance switch, of which there is one: number 1.
    Kind.HOLDS: ("id", *HOLD_FIELDS),
}
"""The names, in order."""


_FORMER_WORDS: Mapping[str, Standing] = {"held": Standing.SEALED}


def mark_row(mark: Mark) -> tuple[str, str, str]:
    """A mark: standing, name and place of the other store."""
    return mark.standing.value, mark.other_id, mark.other


def mark_of(row: Sequence[str]) -> Mark:
    """The mark of its row, also of one in the words of an earlier version."""
    standing, other_id, other = row
    return Mark(_FORMER_WORDS.get(standing) or Standing(standing), other_id, other)


def mark_in(text: str) -> Mark:
    """The mark whose row was packed."""
    return mark_of(json.loads(text))
