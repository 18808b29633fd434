"""Where demonstration content is put."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

DemoEntity = Literal[
    "file",
    "instance",
    "user",
    "community",
    "post",
    "post_reply",
    "activity_pub_log",
    "post_bookmark",
    "post_vote",
    "report",
]
DemoRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Added:
    """The ids of the rows asked for, in their order, and how many of them were not there before."""

    ids: Sequence[int]
    count: int


class DemoContent(Protocol):
    """The tables of the reference schema, filled by natural key.

    Raises StoreUnavailableError, and StoreRefusedError if the tables are an application's.
    """

    async def add(self, entity: DemoEntity, rows: Sequence[DemoRow]) -> Added:
        """Insert the rows whose natural key is not there yet, in one transaction; the others stay as they are.

        Files are known by `file_path`, instances by `domain`, users, communities, posts and replies by their
        ActivityPub id, log entries by `activity_id`, all else by whom and what it links. Within one call the keys
        differ.
        """
