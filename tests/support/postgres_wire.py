"""What goes over a wire to a PostgreSQL, command by command, and the replies that are worth losing.

A command is what is sent until the server has to answer: its messages are the words, each with its type before it
(https://www.postgresql.org/docs/current/protocol-message-formats.html).
"""

import asyncio
from dataclasses import dataclass

from tests.support.wire_proxy import Words

SIZE_BYTES = 4
# A query, what ends or flushes a series of messages, a password, a farewell.
ANSWERED = frozenset((b"Q", b"S", b"H", b"p", b"X"))


async def postgres(reader: asyncio.StreamReader) -> tuple[bytes, Words]:
    """`Speech` of PostgreSQL. The first messages of a connection have no type: they begin with a size below 2^24."""
    words = list[bytes]()
    while True:
        type_ = await reader.readexactly(1)
        size = (b"" if type_ != b"\0" else type_) + await reader.readexactly(SIZE_BYTES - (type_ == b"\0"))
        rest = await reader.readexactly(int.from_bytes(size) - SIZE_BYTES)
        words.append((b"" if type_ == b"\0" else type_) + size + rest)
        if type_ in ANSWERED or type_ == b"\0":
            return b"".join(words), words


@dataclass(slots=True)
class WritingCommit:
    """True of the command that commits what may be written: a statement outside any transaction, or COMMIT.

    Only one connection writes at a time.
    """

    is_writing: bool = False
    is_reading: bool = False

    def __call__(self, words: Words) -> bool:
        """See Judge."""
        query = words[-1][1 + SIZE_BYTES :] if words[-1].startswith(b"Q") else b""
        if query.startswith(b"BEGIN"):
            self.is_reading = b"READ ONLY" in query
            self.is_writing = not self.is_reading
        was_writing, was_in_any = self.is_writing, self.is_writing or self.is_reading
        if query.startswith((b"COMMIT", b"ROLLBACK")):
            self.is_writing = self.is_reading = False
        if is_executing(words):
            return not was_in_any
        return was_writing and query.startswith(b"COMMIT")


def is_executing(words: Words) -> bool:
    """True of a command that carries out a prepared statement."""
    return any(word.startswith(b"E") for word in words)
