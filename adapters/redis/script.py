"""The scripts of the store: each file behind the library, and before them the names of keys and fields."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from pathlib import Path

from adapters.records.access import TOKEN_FIELDS
from adapters.records.executions import CHANGE_FIELDS, EXECUTION_FIELDS, LINES_MAX, LOG_BYTES_MAX, TRUNCATED
from adapters.records.tasks import BIRTH_FIELDS
from adapters.records.trail import ACCESS_RECORD_FIELDS
from adapters.redis.keys import FIXED, KEYS, PREFIX
from application.scheduling.ports.news import KEPT
from domain.scheduling.durations import NO_STEP, STEPS
from domain.scheduling.execution import ISOLATED_AFTER, ExecutionState, redrive_key
from domain.scheduling.identifiers import MICROSECOND, ExecutionId

GROUP = "workers"
ARGUMENTS = 3
"""With each call go the store's clock in tests, the generation it is good for, and the request."""
STREAM_WINDOW = 10_000
"""How many messages of a managed type may lie in its stream before further ones wait for their claims."""
STREAM_MAX = 2 * STREAM_WINDOW
"""How many messages of a managed type are kept, about, for a foreign group that does not read them."""
EXTERNAL_MAX = 10_000
"""How many messages of an external type are kept, about."""
JOURNAL_KEPT = 8 * KEPT
"""How many of the last changes are told one by one: lists are caught up with them, and else read anew as a whole."""

# A task's state has the ids of its open executions last; an execution's record its type and its message.
STATE_FIELDS = (*BIRTH_FIELDS, "open")
RECORD_FIELDS = (*EXECUTION_FIELDS, "task_type", "message")

_FOLDER = Path(__file__).parent / "scripts"
_LIBRARY = ("library", "records", "beside")


@dataclass(frozen=True, slots=True)
class Script:
    """A script under its name; `sha` is what EVALSHA calls it by."""

    name: str
    text: str
    sha: str

    def called(self, *arguments: bytes, in_full: bool = False) -> bytes:
        """The bytes of a call with these ARGUMENTS arguments; `in_full`: to a server that may not know the script."""
        return (_head("EVAL", self.text) if in_full else _head("EVALSHA", self.sha)) + _words(arguments)


@cache
def script(name: str, *, in_full_memory: bool = False, only_reads: bool = False) -> Script:
    """The script of this file. `in_full_memory`: it may write when the server has no memory left.

    That is for steps that end work and free memory, and for heartbeats; what creates work is refused then. What
    `only_reads` is answered even by a server that can write nothing at all; a write in it is an error.
    """
    flags = [name for name, is_set in (("allow-oom", in_full_memory), ("no-writes", only_reads)) if is_set]
    shebang = f"#!lua flags={','.join(flags)}" if flags else "#!lua"
    files = ((_FOLDER / f"{each}.lua").read_text() for each in (*_LIBRARY, name))
    text = "\n".join((shebang, _names(), *files))
    return Script(name, text, sha1(text.encode(), usedforsecurity=False).hexdigest())


@cache
def _head(command: str, which: str) -> bytes:
    # The driver spells all the keys anew for each call, which takes it longer than all the rest.
    words = [each.encode() for each in (command, which, str(len(KEYS)), *KEYS)]
    return b"*%d\r\n" % (len(words) + ARGUMENTS) + _words(words)


def _words(words: Iterable[bytes]) -> bytes:
    """Words of a command, as https://redis.io/docs/latest/develop/reference/protocol-spec/ has them."""
    return b"".join(b"$%d\r\n%b\r\n" % (len(each), each) for each in words)


def _names() -> str:
    keys = ", ".join(f"{name} = KEYS[{place}]" for place, name in enumerate(FIXED, start=1))
    return "\n".join(
        (
            f"local K = {{{keys}}}",
            f"local T = {_places(STATE_FIELDS)}",
            f"local E = {_places(RECORD_FIELDS)}",
            f"local C = {_places(CHANGE_FIELDS)}",
            f"local REDRIVE = '{redrive_key(ExecutionId(''))}'",
            f"local R, TOKEN_OWNER = {_places(ACCESS_RECORD_FIELDS)}, {TOKEN_FIELDS.index('owner') + 1}",
            f"local PREFIX, GROUP = '{PREFIX}', '{GROUP}'",
            f"local STATES = {{{', '.join(map(repr, map(str, ExecutionState)))}}}",
            f"local JOURNAL_KEPT, ISOLATED_AFTER = {JOURNAL_KEPT}, {ISOLATED_AFTER}",
            f"local LINES_MAX, LOG_BYTES_MAX, TRUNCATED = {LINES_MAX}, {LOG_BYTES_MAX}, '{TRUNCATED}'",
            f"local STREAM_WINDOW, STREAM_MAX, EXTERNAL_MAX = {STREAM_WINDOW}, {STREAM_MAX}, {EXTERNAL_MAX}",
            f"local STEPS, NO_STEP = {{{', '.join(str(each // MICROSECOND) for each in STEPS)}}}, {NO_STEP}",
        )
    )


def _places(fields: Iterable[str]) -> str:
    return "{" + ", ".join(f"{name} = {place}" for place, name in enumerate(fields, start=1)) + "}"
