"""A stretch of wire on loopback between our connections and a server, which breaks where a test says so.

Every connection is led command by command (RESP, as Redis' clients send it, or another `Speech`), so a test can let a
fault befall the very command it means: it reaches the server or not, and its reply comes back whole, late, in part or
never. That supposes that each command is sent when the reply to the one before has been read, as ours are.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from adapters.redis.script import script

READ_MAX = 65_536


class Fault(StrEnum):
    """What befalls one command, and its connection with it."""

    CUT_BEFORE = "the connection ends before the server has heard of the command"
    REPLY_LOST = "the command is carried out, and the connection ends before its reply"
    SILENCE = "the command is carried out, and nothing comes back on a connection that stays"
    HALF_OPEN = "nothing is read any more from a connection that stays"


@dataclass(frozen=True, slots=True)
class Late:
    """The command is sent on after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reset:
    """The command is carried out, and the connection is reset (RST) behind so many bytes of its reply."""

    after_bytes: int


Befalls = Fault | Late | Reset
EVERY_FAULT: tuple[Befalls, ...] = (*Fault, Reset(after_bytes=0), Reset(after_bytes=5), Late(0.01), Late(0.02))
Words = Sequence[bytes]
Judge = Callable[[Words], Befalls | None]
# Reads one command: as it came, and its words.
Speech = Callable[[asyncio.StreamReader], Awaitable[tuple[bytes, Words]]]


@dataclass(slots=True)
class Once:
    """What befalls the `nth` command that matches; all others pass."""

    fault: Befalls
    matches: Callable[[Words], bool]
    nth: int = 1
    seen: int = 0

    def __call__(self, words: Words) -> Befalls | None:
        """See Judge."""
        is_match = self.matches(words)
        self.seen += is_match
        return self.fault if is_match and self.seen == self.nth else None


@dataclass(slots=True)
class Weather:
    """Lets a fault of the whole choice befall this part of all commands, as the dice fall."""

    dice: Random
    rate: float

    def __call__(self, _: Words) -> Befalls | None:
        """See Judge."""
        return self.dice.choice(EVERY_FAULT) if self.dice.random() < self.rate else None


def calls(name: str) -> Callable[[Words], bool]:
    """True of a call of this script, as long as the server knows it: what it is called by is its hash."""
    variants = (script(name), script(name, in_full_memory=True), script(name, only_reads=True))
    hashes = {each.sha.encode() for each in variants}
    return lambda words: words[0] == b"EVALSHA" and words[1] in hashes


@dataclass(slots=True)
class _Line:
    """One connection: its ends, and what becomes of the next reply."""

    from_client: asyncio.StreamReader
    to_client: asyncio.StreamWriter
    from_server: asyncio.StreamReader
    to_server: asyncio.StreamWriter
    fate: Befalls | None = None


@dataclass(slots=True)
class WireProxy:
    """Leads connections to a server's port from a port of its own; `judge` may be changed at any time."""

    server_port: int
    speech: Speech
    port: int = 0
    judge: Judge | None = None
    accepted: int = 0
    commands: int = 0
    lines: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The server's address by way of this."""
        return f"redis://127.0.0.1:{self.port}/0"

    @contextmanager
    def breaking(self, judge: Judge) -> Iterator[None]:
        """Let commands meet their faults for a while."""
        self.judge = judge
        try:
            yield
        finally:
            self.judge = None

    async def lead(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Lead one connection until either side, or a fault, ends it."""
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                from_server, to_server = await asyncio.open_connection("127.0.0.1", self.server_port)
                line = _Line(from_client, to_client, from_server, to_server)
                try:
                    async with asyncio.TaskGroup() as group:
                        replies = group.create_task(self._send_back(line))
                        await self._send_on(line)
                        replies.cancel()
                finally:
                    to_server.transport.abort()
        finally:
            to_client.transport.abort()

    async def _send_on(self, line: _Line) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                raw, words = await self.speech(line.from_client)
                self.commands += 1
                line.fate = self.judge(words) if self.judge else None
                match line.fate:
                    case Fault.CUT_BEFORE:
                        return
                    case Fault.HALF_OPEN:
                        await asyncio.Event().wait()
                    case Late():
                        await asyncio.sleep(line.fate.seconds)
                line.to_server.write(raw)
                await line.to_server.drain()

    async def _send_back(self, line: _Line) -> None:
        """Ends `_send_on` by ending the connection that it reads from."""
        with suppress(OSError):
            while reply := await line.from_server.read(READ_MAX):
                match line.fate:
                    case Fault.REPLY_LOST:
                        break
                    case Fault.SILENCE:
                        continue
                    case Reset():
                        line.to_client.write(reply[: line.fate.after_bytes])
                        _reset_when_closed(line.to_client)
                        break
                line.to_client.write(reply)
                await line.to_client.drain()
        line.to_client.transport.abort()


async def resp(reader: asyncio.StreamReader) -> tuple[bytes, Words]:
    """`Speech` of Redis: an array of bulk strings."""
    head = await reader.readuntil(b"\r\n")
    assert head.startswith(b"*"), head
    raw, words = [head], list[bytes]()
    for _ in range(int(head[1:])):
        size = await reader.readuntil(b"\r\n")
        word = await reader.readexactly(int(size[1:]) + 2)
        raw += [size, word]
        words.append(word[:-2])
    return b"".join(raw), words


def _reset_when_closed(writer: asyncio.StreamWriter) -> None:
    """Let the end of this connection be an RST, which throws away what is on its way (socket(7), SO_LINGER)."""
    end: socket.socket = writer.get_extra_info("socket")
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@asynccontextmanager
async def a_wire_to(server_port: int, speech: Speech = resp) -> AsyncIterator[WireProxy]:
    """A wire to the server at this port of loopback; with the context it ends, and every connection on it."""
    wire = WireProxy(server_port, speech)
    async with asyncio.TaskGroup() as group:

        def led(from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
            wire.accepted += 1
            wire.lines = [each for each in wire.lines if not each.done()]
            wire.lines.append(group.create_task(wire.lead(from_client, to_client)))

        listening = await asyncio.start_server(led, "127.0.0.1", 0)
        wire.port = listening.sockets[0].getsockname()[1]
        try:
            yield wire
        finally:
            listening.close()
            for line in wire.lines:
                line.cancel()
