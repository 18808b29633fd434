"""The payload keys that every maintenance task understands, and how their values are read."""

import json
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from application.fediverse.ports.checkpoints import Patience


def _no_bool(value: object) -> object:
    # pydantic takes true for 1; a person who writes `"batch_size": true` has made a mistake.
    if isinstance(value, bool):
        raise ValueError("Input should be a number, not true or false")
    return value


WholeNumber = Annotated[int, BeforeValidator(_no_bool)]
# The bounds first: behind a validator they would be checked, but not told in the schema.
Days = Annotated[int, Field(ge=1, le=3650), BeforeValidator(_no_bool)]


class MaintenancePayload(BaseModel):
    """What all maintenance tasks can be told. Numbers may come as text; an unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Keys that say how a run goes about its work, not what the work is: they may be edited while a checkpoint waits.
    MANNER: ClassVar[frozenset[str]] = frozenset({
        "dry_run", "batch_size", "max_rows", "max_runtime_s", "pause_ms", "resume", "target_batch_ms",
        "statement_timeout_ms", "lock_timeout_ms",
    })  # fmt: skip

    dry_run: bool = Field(False, description="Only count what the task would do; change nothing.")
    batch_size: WholeNumber = Field(1000, ge=1, description="Rows per transaction at most; slow ones get fewer.")
    max_rows: WholeNumber = Field(0, ge=0, description="Stop after this many changed rows; 0: no limit.")
    max_runtime_s: WholeNumber = Field(1500, ge=10, le=86_400, description="Seconds after which the rest is put off.")
    pause_ms: WholeNumber = Field(50, ge=0, le=60_000, description="Milliseconds left to others between batches.")
    target_batch_ms: WholeNumber = Field(250, ge=10, le=10_000, description="Milliseconds a batch should take.")
    statement_timeout_ms: WholeNumber = Field(
        30_000, ge=100, le=600_000, description="Milliseconds a PostgreSQL server gives a statement."
    )
    lock_timeout_ms: WholeNumber = Field(
        2000, ge=10, le=60_000, description="Milliseconds a statement waits for a lock of others in PostgreSQL."
    )
    resume: bool = Field(True, description="Go on where an interrupted run stopped.")

    @property
    def patience(self) -> Patience:
        """What the server is told of it."""
        statement, lock = (timedelta(milliseconds=ms) for ms in (self.statement_timeout_ms, self.lock_timeout_ms))
        return Patience(statement, lock)

    @property
    def scope(self) -> str:
        """SHA-256 of what is to be done: runs with equal scope may take over each other's checkpoint."""
        matter: dict[str, Any] = self.model_dump(mode="json", exclude=set(self.MANNER))
        return sha256(json.dumps(matter, sort_keys=True).encode()).hexdigest()
