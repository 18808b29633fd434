"""A small run as it should have been, to be doctored: the checker must find whatever is changed in it.

One task fires every second for five seconds. Its first execution succeeds, the second is retried, the third's worker is
killed, the fourth lies in a Skip, the fifth is a person's. The monotonic clock stands at 0 when the calendar shows T.
"""

from dataclasses import replace
from typing import Any

from tests.support.chaos_dump import AttemptRow, ChangeRow, Dump, ExecutionRow, SkipRow, TaskRow, VersionRow
from tests.support.chaos_evidence import Evidence
from tests.support.chaos_ledger import Mark

SECOND = 1_000_000
T = 1_700_000_000 * SECOND
POLICY = {"start_at": None, "end_at": None, "jitter": 0, "overlap": "skip", "max_retries": 3}
CREATE = ChangeRow(1, "task", 1, None, "create", "ana", T, "", "api:local key-1")
RUN = ChangeRow(2, "task", 1, "asked", "run", "ana", T + 5 * SECOND, "", "api:local key-2")


def evidence(**doctored: Any) -> Evidence:
    """The run; every argument takes the place of what the evidence has under its name."""
    sound: dict[str, Any] = {
        "dump": a_dump(),
        "ledger": a_ledger(),
        "nemesis": a_nemesis(),
        "requests": requests(),
        "marked_at": T + 5 * SECOND,
    }
    return Evidence(**(sound | doctored))


def a_dump(**doctored: Any) -> Dump:
    """The store after the run."""
    dump = Dump()
    dump.tasks["task"] = TaskRow("task", "every second", "chaos", "paused", 1, T, T + 5 * SECOND, None)
    dump.versions["task"].append(VersionRow("task", 1, ["interval", SECOND, T], POLICY))
    for each in (
        an_execution("one", 1),
        an_execution("two", 2, starts=2, attempts_used=1, fence=3),
        an_execution("three", 3, starts=2, rescues=1, fence=5),
        an_execution("five", 5, fence=6),
        an_execution("asked", 5, kind="manual", key="api:local key-2", nominal_at=None, fence=7),
    ):
        dump.executions[each.id] = each
    dump.attempts["one"] = [an_attempt("one", 1, 1.1)]
    dump.attempts["two"] = [an_attempt("two", 1, 2.1, "failed"), an_attempt("two", 2, 2.4)]
    dump.attempts["three"] = [an_attempt("three", 1, 3.1, "rescued"), an_attempt("three", 2, 3.6)]
    dump.attempts["five"] = [an_attempt("five", 1, 5.1)]
    dump.attempts["asked"] = [an_attempt("asked", 1, 5.5)]
    dump.skips["task"].append(SkipRow("task", T + 4 * SECOND, T + 4 * SECOND, "overlap", 1, 0))
    dump.changes = [CREATE, RUN]
    for name, value in doctored.items():
        setattr(dump, name, value)
    return dump


def an_execution(name: str, second: int, **doctored: Any) -> ExecutionRow:
    """One that succeeded at once."""
    at = T + second * SECOND
    sound = ExecutionRow(name, "task", "auto", str(at), 1, "succeeded", at, at, at, 0, 1, 0, 1, at, None, None)
    return replace(sound, **doctored)


def an_attempt(name: str, start: int, began: float, outcome: str = "succeeded") -> AttemptRow:
    """One that lasted a quarter of a second."""
    at = T + int(began * SECOND)
    return AttemptRow(name, start, "worker", at, at + SECOND // 4, outcome)


def a_ledger() -> list[Mark]:
    """What handlers wrote."""
    return [
        *a_stay("one", 1, 1.1),
        *a_stay("two", 2, 2.1, fence=2, outcome="failed"),
        *a_stay("two", 2, 2.4, fence=3, attempt=2),
        a_mark("start", "three", 3, 3.1, fence=4, pid=77),
        *a_stay("three", 3, 3.6, fence=5),
        *a_stay("five", 5, 5.1, fence=6),
        *a_stay("asked", 5, 5.5, fence=7),
    ]


def a_stay(name: str, second: int, began: float, outcome: str = "done", **doctored: Any) -> list[Mark]:
    """Start and end of a handler."""
    end = a_mark("end", name, second, began + 0.2, **doctored)
    return [a_mark("start", name, second, began, **doctored), replace(end, outcome=outcome)]


def a_mark(what: str, name: str, second: int, at: float, *, fence: int = 1, attempt: int = 1, pid: int = 78) -> Mark:
    """A line of the ledger, `at` seconds after the beginning."""
    scheduled_at, wall = T + second * SECOND, T + int(at * SECOND)
    return Mark(what, name, "every second", scheduled_at, attempt, fence, pid, at, wall)


def a_nemesis() -> list[dict[str, Any]]:
    """A worker was killed in its third second."""
    return [
        {"monotonic": 0.0, "what": "clock", "wall": T},
        {"monotonic": 3.2, "what": "begin", "number": 1, "kind": "kill -9 worker"},
        {"monotonic": 3.25, "what": "death", "pid": 77, "because": "kill -9"},
        {"monotonic": 3.4, "what": "end", "number": 1},
    ]


def requests() -> list[dict[str, Any]]:
    """The task was created and run by a person; the second creation with its key was refused."""
    return [
        *an_exchange(0.0, "create", "key-1", 201, id="task", version=1),
        *an_exchange(5.0, "run", "key-2", 202, id="asked", task="task"),
        *an_exchange(5.9, "misuse", "key-1", 422),
    ]


def an_exchange(at: float, kind: str, key: str, status: int, **told: Any) -> list[dict[str, Any]]:
    """A request and its answer."""
    line = {"monotonic": at, "kind": kind, "key": key, "task": told.pop("task", ""), "if_version": None}
    answer = {"status": status, "replayed": False, "id": None, "version": None, **told}
    return [{**line, "what": "invoke"}, {**line, "what": "answer", **answer}]
