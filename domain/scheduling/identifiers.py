"""Names of things, each its own type, so that one can't be handed over for another."""

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import NewType
from zlib import crc32

TaskId = NewType("TaskId", str)
ExecutionId = NewType("ExecutionId", str)
NodeId = NewType("NodeId", str)
ClaimToken = NewType("ClaimToken", str)

BUCKET_COUNT = 64
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """Whole microseconds from the Unix epoch to an aware instant: the form of an instant in every store."""
    elapsed = instant - EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds


def instant_of(microseconds_: int) -> datetime:
    """The aware UTC instant so many microseconds after the Unix epoch."""
    return EPOCH + timedelta(microseconds=microseconds_)


def bucket_of(task_id: TaskId) -> int:
    """The bucket (0 to 63) a task lies in for ever; live schedulers share the buckets out among themselves."""
    return crc32(task_id.encode()) % BUCKET_COUNT


def chance(name: str) -> int:
    """32 bits as if drawn by lot, but the same in every process: what deliberate delays are made of.

    A checksum would not do: its values for names that differ in a digit or two lie close together.
    """
    return int.from_bytes(blake2b(name.encode(), digest_size=4).digest())


def execution_id(task_id: TaskId, kind: str, key: str, at: datetime) -> ExecutionId:
    """The same for the same (task, kind, key, instant), so a decision taken twice names one execution.

    32 hexadecimal digits that sort by `at`, which keeps new rows together in every index.
    """
    name = blake2b(f"{task_id}/{kind}/{key}".encode(), digest_size=9).hexdigest()
    return ExecutionId(f"{microseconds(at):014x}{name}")


def instant_named_by(execution_id_: ExecutionId) -> datetime:
    """The instant an execution's id begins with: that of its occurrence, or of its being asked for by hand."""
    return instant_of(int(execution_id_[:14], 16))


def least_execution_id(at: datetime) -> str:
    """No id of an execution that is named for `at` or later sorts before this, and each that is named earlier does."""
    return f"{max(microseconds(at), 0):014x}"
