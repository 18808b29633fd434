"""Statements as text, made once for all engines of a process.

SQLAlchemy keeps what it has compiled for each engine by itself; but a database has several engines here, and processes
open theirs for more than one event loop, while each statement takes some milliseconds to compile.
"""

from typing import Any, Final

from sqlalchemy.util import LRUCache

# Lists that are filtered have many shapes.
STATEMENTS_MAX: Final = 1_000
_STATEMENTS: Final[LRUCache[Any, Any]] = LRUCache(STATEMENTS_MAX)
SHARED: Final = {"compiled_cache": _STATEMENTS}
"""The option by which an engine shares them; its dialect must be one of OneSpeech."""


class OneSpeech:
    """A dialect all of whose instances speak alike, so that what one has compiled serves the others."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))
