"""Moving a store: its records as rows that every store can tell and take, and the mark that says who may serve it.

A row begins with its key. Keys are unique within their kind, never change, and are what rows are told in the order of:
texts by their code points, numbers by their size. Values are texts, whole numbers and None; what they mean is spelled
by the adapters in one place, so that equal rows of two stores are equal records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from domain.access.record import Link

Value = str | int | None
Row = Sequence[Value]
Key = tuple[str | int, ...]


class Kind(StrEnum):
    """What a store keeps, in the order in which it is to be written: what others belong to goes first.

    Sessions, attempts to sign in and the offer of a set-up are of one store and end with it; so is who serves it, what
    it told of its last changes, and the messages of its streams.
    """

    TASKS = "tasks"
    VERSIONS = "versions"
    EXECUTIONS = "executions"
    ATTEMPTS = "attempts"
    LOG_LINES = "log_lines"
    SKIPS = "skips"
    CHANGES = "changes"
    HOURS = "hours"
    FORGOTTEN = "forgotten"
    USERS = "users"
    TOKENS = "tokens"
    ACCESS_RECORDS = "access_records"
    HOLDS = "holds"


KEY_WIDTHS: Mapping[Kind, int] = {
    **dict.fromkeys(Kind, 1),
    **dict.fromkeys((Kind.VERSIONS, Kind.ATTEMPTS, Kind.LOG_LINES, Kind.SKIPS), 2),
    Kind.HOURS: 4,
}
"""How many values at the beginning of a row are its key."""


class Standing(StrEnum):
    """What a store is to those who would serve it. Without a mark, it is served like any."""

    FILLING = "filling"
    """A copy of another store is being made in it: it is not whole yet."""
    SEALED = "sealed"
    """The source of a copy that is about to be finished: nothing may change in it any more."""
    MOVED = "moved"
    """Its copy is finished, and is what is served now."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Why a store is not to be served: its standing, and the other store, by its name and as people may see where."""

    standing: Standing
    other_id: str
    other: str

    @property
    def told(self) -> str:
        """What whoever would serve it is told, without its own name, which goes before."""
        match self.standing:
            case Standing.FILLING:
                return f"holds an unfinished copy of the store in {self.other}: finish it by the same `store copy`"
            case Standing.SEALED:
                return (
                    f"is sealed, as it is being moved to {self.other}: finish that by the same `store copy`,"
                    " or give it up by `store release`"
                )
            case Standing.MOVED:
                return f"was moved to {self.other}: serve that one"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a store knows of itself.

    A claim's fence is above all of an earlier generation; `changes` is the number of the last change; anchor and head
    are the ends of the chain of access records. `undelivered` messages are on record and in no stream yet.
    """

    store_id: str
    generation: int
    fence: int
    tzdata: str | None
    changes: int
    anchor: Link
    head: Link
    mark: Mark | None
    undelivered: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in ascending order, and behind which key to go on (None: there are no more).

    `unreadable` counts records of which not even a row could be made.
    """

    rows: Sequence[Row]
    after: Key | None
    unreadable: int = 0


class Transfer(Protocol):
    """One store as an end of a copy; it is told and written whatever its mark.

    Each method is one atomic step but where it says otherwise, and may be repeated. Raises StoreUnavailableError.
    """

    async def facts(self) -> Facts:
        """Return what the store knows of itself."""

    async def begin(self, mark: Mark) -> bool:
        """Mark a store that is empty and has no mark; False, and nothing changed, if it is not."""

    async def replace_mark(self, seen: Mark | None, by: Mark | None) -> bool:
        """Put one mark in the place of another; False, and nothing changed, if that is not what stands there.

        From then on, as long as the store is marked, nothing but this port changes it, and no process opens it.
        """

    async def page(self, kind: Kind, after: Key | None, *, limit: int) -> Page:
        """Return rows behind a key: about `limit` of them, though all of what is stored together, or none at the end.

        A page is a snapshot; several are not.
        """

    async def write(self, kind: Kind, rows: Sequence[Row], gone: Sequence[Key]) -> None:
        """Put these rows in the place of those with their keys, and remove others with all that belongs to them.

        A row whose task or execution is not there is left out. A name, token or key of idempotency that is another's
        is taken from that one, whose own row then is to be written anew. What is written is sent to nobody.
        """

    async def finish(self, of: Facts, seen: Mark) -> bool:
        """Take over what the source knows of itself, and remove the mark; False if that is not what stands there.

        The generation becomes one above both, so that no fence of the source is met again.
        """
