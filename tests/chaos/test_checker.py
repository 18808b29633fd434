"""The checker finds whatever is wrong: a sound run passes, and every way of doctoring it is told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.chaos_checker import findings
from tests.support.chaos_client import QUIESCE
from tests.support.chaos_dump import ChangeRow, Dump, SkipRow
from tests.support.chaos_evidence import Evidence
from tests.support.chaos_plan import Kind
from tests.support.chaos_samples import (
    RUN,
    SECOND,
    T,
    a_dump,
    a_ledger,
    a_mark,
    a_nemesis,
    a_stay,
    an_attempt,
    an_exchange,
    an_execution,
    evidence,
    requests,
)

Doctored = Callable[[], Evidence]


def told(judged: Evidence) -> set[str]:
    """The invariants that are broken."""
    return {finding.invariant for finding in findings(judged)}


def with_execution(name: str, **changed: Any) -> Dump:
    """The dump with an execution changed, or added."""
    dump = a_dump()
    dump.executions[name] = replace(dump.executions.get(name) or an_execution(name, 6), **changed)
    return dump


def without(name: str) -> Dump:
    """The dump without an execution."""
    dump = a_dump()
    del dump.executions[name], dump.attempts[name]
    return dump


def with_attempts(name: str, *outcomes: str) -> Dump:
    """The dump with other attempts of an execution."""
    dump = with_execution(name, starts=len(outcomes))
    dump.attempts[name] = [an_attempt(name, 1 + index, 3.1 + index / 10, each) for index, each in enumerate(outcomes)]
    return dump


def with_skip(first: int, last: int, reason: str = "overlap", count: int = 1) -> Dump:
    """The dump with another Skip in place of its own."""
    dump = a_dump()
    dump.skips["task"] = [SkipRow("task", T + first * SECOND, T + last * SECOND, reason, count, 0)]
    return dump


def with_watermark(second: int) -> Dump:
    """The dump of a task that stopped looking early, and was active to the end."""
    dump = without("five")
    dump.tasks["task"] = replace(dump.tasks["task"], decided_until=T + second * SECOND, version=2)
    dump.versions["task"].append(replace(dump.versions["task"][0], version=2))
    dump.changes.append(ChangeRow(3, "task", 2, None, "pause", "ana", T + 6 * SECOND, QUIESCE, None))
    return dump


def paused_at(second: int) -> Dump:
    """The dump of a task that was paused, and whose last execution is of the version that stood still."""
    dump = with_execution("five", version=2)
    dump.tasks["task"] = replace(dump.tasks["task"], version=2)
    dump.versions["task"].append(replace(dump.versions["task"][0], version=2))
    dump.changes.append(ChangeRow(3, "task", 2, None, "pause", "ana", T + second * SECOND, "", None))
    return dump


EDIT = ChangeRow(3, "task", 2, None, "edit", "ana", T + 6 * SECOND, "", None)

DOCTORED: dict[str, tuple[str, Doctored]] = {
    "a run that is nowhere": ("I1", lambda: evidence(dump=without("five"))),
    "a Skip that is nowhere": ("I1", lambda: evidence(dump=a_dump(skips={"task": []}))),
    "an instant that ran and was passed over": ("I1", lambda: evidence(dump=with_skip(3, 4, count=2))),
    "an instant that was never decided": ("I2", lambda: evidence(dump=with_watermark(4), marked_at=T + 5 * SECOND)),
    "a Skip behind the watermark": ("I2", lambda: evidence(dump=with_skip(4, 7))),
    "an instant that is none": (
        "I3",
        lambda: evidence(dump=with_execution("six", nominal_at=T + 5 * SECOND + 1)),
    ),
    "a record made early": ("I3", lambda: evidence(dump=with_execution("five", created_at=T + 5 * SECOND - 1))),
    "a start made early": (
        "I3",
        lambda: evidence(ledger=[*a_ledger()[:-4], *a_stay("five", 5, 4.9, fence=6), *a_ledger()[-2:]]),
    ),
    "a firing of a task that stood still": ("I4", lambda: evidence(dump=paused_at(4))),
    "a firing after a confirmed change": (
        "I4",
        lambda: evidence(requests=[*requests(), *an_exchange(4.5, "edit", "key-3", 200, id="task", version=2)]),
    ),
    "a start that nobody recorded": ("I5", lambda: evidence(ledger=[*a_ledger(), *a_stay("ghost", 5, 5.8, fence=9)])),
    "an execution left open": ("I6", lambda: evidence(dump=with_execution("five", state="retry_wait"))),
    "success without an end": ("I7", lambda: evidence(ledger=[m for m in a_ledger() if m.fence != 6])),
    "success under another claim": ("I7", lambda: evidence(dump=with_execution("five", fence=99))),
    "two outcomes": ("I8", lambda: evidence(dump=with_attempts("one", "succeeded", "succeeded"))),
    "an outcome that is not the end": ("I8", lambda: evidence(dump=with_execution("one", state="dead"))),
    "an attempt that is missing": ("I8", lambda: evidence(dump=with_execution("one", starts=2))),
    "a fence that falls": (
        "I8",
        lambda: evidence(ledger=[m if m.fence != 3 else replace(m, fence=1) for m in a_ledger()]),
    ),
    "a double run on one claim": ("I9", lambda: evidence(ledger=[*a_ledger(), *a_stay("one", 1, 1.5)])),
    "a double run without a recovery": (
        "I9",
        lambda: evidence(ledger=[*a_ledger(), *a_stay("one", 1, 1.5, fence=8)]),
    ),
    "a recovery without a cause": ("I9", lambda: evidence(nemesis=a_nemesis()[:1])),
    "a start beside itself": (
        "I9",
        lambda: evidence(nemesis=[*a_nemesis()[:2], {**a_nemesis()[2], "monotonic": 9.0}]),
    ),
    "too many rescues": ("I10", lambda: evidence(dump=with_execution("three", rescues=4))),
    "an innocent taken for poison": (
        "I10",
        lambda: evidence(
            dump=with_execution("three", state="dead", rescues=3, error=["poison", "…"]),
            ledger=[*a_ledger(), a_mark("crash", "other", 3, 3.25, fence=9, pid=77)],
        ),
    ),
    "two at once": (
        "I11",
        lambda: evidence(ledger=[*a_ledger()[:1], replace(a_ledger()[1], monotonic=2.2), *a_ledger()[2:]]),
    ),
    "a death with attempts left": (
        "I13",
        lambda: evidence(dump=with_execution("two", state="dead", attempts_used=2, error=["Oops", "oops"])),
    ),
    "a confirmed run that is nowhere": ("I14", lambda: evidence(dump=without("asked"))),
    "a run that nobody asked for": ("I14", lambda: evidence(dump=with_execution("asked", key="api:local other"))),
    "a task that nobody asked for": ("I14", lambda: evidence(requests=requests()[2:4])),
    "a key that names two things": (
        "I15",
        lambda: evidence(requests=[*requests(), *an_exchange(6.0, "run", "key-2", 202, id="five", task="task")]),
    ),
    "a key that served another request": (
        "I15",
        lambda: evidence(requests=[*requests(), *an_exchange(6.0, "misuse", "key-2", 202, id="task")]),
    ),
    "two winners": (
        "I16",
        lambda: evidence(
            requests=[*requests(), *(line for each in "ab" for line in contested(each))],
            dump=a_dump(
                changes=[*a_dump().changes, *(replace(EDIT, idempotency_key=f"api:local {each}") for each in "ab")]
            ),
        ),
    ),
    "a version without a change": (
        "I16",
        lambda: evidence(dump=a_dump(tasks={"task": replace(a_dump().tasks["task"], version=2)})),
    ),
    "a change without a record": ("I21", lambda: evidence(dump=a_dump(changes=a_dump().changes[:1]))),
    "a record of another action": (
        "I21",
        lambda: evidence(dump=a_dump(changes=[a_dump().changes[0], replace(RUN, action="cancel")])),
    ),
    "a refusal that was carried out": (
        "I21",
        lambda: evidence(requests=[*requests()[:2], *an_exchange(5.0, "run", "key-2", 409)]),
    ),
    "a Skip that miscounts": ("I23", lambda: evidence(dump=with_skip(4, 4, count=2))),
    "a service that gave up": (
        "exit",
        lambda: evidence(nemesis=[*a_nemesis(), {"monotonic": 5.9, "what": "fall", "pid": 70, "code": 1}]),
    ),
    "a firing while all is held": ("hold", lambda: evidence(nemesis=[*a_nemesis(), *a_hold(4.9, 5.05)])),
    "a start while all is held": ("hold", lambda: evidence(nemesis=[*a_nemesis(), *a_hold(5.05, 5.2)])),
    "a start while all is still held": ("hold", lambda: evidence(nemesis=[*a_nemesis(), *a_hold(5.05, 5.2)[:1]])),
    "a Skip for no reason": ("I23", lambda: evidence(dump=with_skip(4, 4, reason="because"))),
}


def a_hold(began: float, ended: float) -> list[dict[str, Any]]:
    """All firing was held."""
    return [{"monotonic": began, "what": "held"}, {"monotonic": ended, "what": "released"}]


def contested(key: str) -> list[dict[str, Any]]:
    """An accepted edit of version 1."""
    edit = an_exchange(6.0, "edit", key, 200, id="task", task="task", version=2)
    return [{**line, "if_version": 1} for line in edit]


def test_a_sound_run_is_found_sound() -> None:
    assert findings(evidence()) == []


@pytest.mark.parametrize("case", DOCTORED)
def test_the_checker_finds(case: str) -> None:
    invariant, doctored = DOCTORED[case]

    assert invariant in told(doctored())


def test_a_start_is_not_early_because_the_calendar_was_set_back_after_its_instant() -> None:
    stepped = [*a_nemesis(), {"monotonic": 5.05, "what": "clock", "wall": T - 3_600 * SECOND}]
    shown = [
        replace(mark, wall=mark.wall - int(3_605.05 * SECOND)) if mark.monotonic > 5.05 else mark for mark in a_ledger()
    ]

    assert findings(evidence(nemesis=stepped, ledger=shown)) == []


def test_a_freeze_that_outlasts_the_lease_explains_a_recovery() -> None:
    frozen = [
        a_nemesis()[0],
        {"monotonic": 3.15, "what": "begin", "number": 1, "kind": "freeze worker"},
        {"monotonic": 34.0, "what": "end", "number": 1},
    ]
    late = [each for each in a_ledger() if each.monotonic != 3.6]

    assert "I9" not in told(evidence(nemesis=frozen, ledger=[*late, a_mark("start", "three", 3, 34.1, fence=5)]))


@pytest.mark.parametrize(("lasted", "is_explained"), [(14.4, False), (14.6, True)])
def test_a_silence_of_the_store_explains_a_recovery_if_holders_may_have_waited_for_a_lease(
    lasted: float, *, is_explained: bool
) -> None:
    silence = [
        {"monotonic": 3.2, "what": "begin", "number": 1, "kind": str(Kind.KILL_STORE)},
        {"monotonic": 3.2 + lasted, "what": "end", "number": 1},
    ]

    assert ("I9" not in told(evidence(nemesis=[a_nemesis()[0], *silence]))) is is_explained


@pytest.mark.parametrize(("lasted", "is_explained"), [(22.4, False), (22.6, True)])
def test_a_claim_is_handed_back_only_if_its_answer_may_have_been_late(lasted: float, *, is_explained: bool) -> None:
    silence = [
        {"monotonic": 3.05 - lasted, "what": "begin", "number": 1, "kind": str(Kind.PAUSE_WRITES)},
        {"monotonic": 3.05, "what": "end", "number": 1},
    ]
    dump = with_attempts("three", "handed_back", "succeeded")
    beheld = evidence(dump=dump, nemesis=[a_nemesis()[0], *silence], ledger=[m for m in a_ledger() if m.pid != 77])

    assert ("I9" not in told(beheld)) is is_explained


@pytest.mark.parametrize(("claimed_by", "is_explained"), [("the dead one", True), ("another", False)])
def test_a_claim_that_is_carried_out_long_after_the_death_of_its_worker_is_rescued_for_that(
    claimed_by: str, *, is_explained: bool
) -> None:
    dump = a_dump()
    dump.attempts["one"] = [replace(each, worker_id="the dead one") for each in dump.attempts["one"]]
    first, second = dump.attempts["three"]
    dump.attempts["three"] = [replace(first, worker_id=claimed_by), second]
    ledger = [replace(each, pid=90) if each.execution == "one" else each for each in a_ledger() if each.pid != 77]
    death = {"monotonic": 1.5, "what": "death", "pid": 90, "because": "kill -9"}

    judged = evidence(dump=dump, ledger=ledger, nemesis=[a_nemesis()[0], death])

    assert ("I9" not in told(judged)) is is_explained


@pytest.mark.parametrize(
    ("taken", "outcome", "is_explained"),
    [("one", "succeeded", False), ("one", "rescued", True), ("two", "rescued", True)],
)
def test_a_frozen_holder_may_run_beside_its_successor_only_if_a_claim_was_taken(
    taken: str, outcome: str, *, is_explained: bool
) -> None:
    frozen = [
        {"monotonic": 1.15, "what": "begin", "number": 2, "kind": "freeze worker and supervisor"},
        {"monotonic": 34.0, "what": "end", "number": 2},
    ]
    long = [replace(mark, monotonic=2.2) if mark.monotonic == 1.3 else mark for mark in a_ledger()]
    beside = evidence(nemesis=[*a_nemesis(), *frozen], ledger=long, dump=with_attempts(taken, outcome))

    assert ("I11" not in told(beside)) is is_explained


def test_a_task_that_was_paused_when_the_run_came_to_rest_owed_nothing_more() -> None:
    dump = with_watermark(4)
    at_rest = dump.changes.pop()
    dump.changes += [ChangeRow(3, "task", 2, None, "pause", "ana", T + 4 * SECOND, "", None), replace(at_rest, id=4)]

    assert "I2" not in told(evidence(dump=dump, marked_at=T + 5 * SECOND))


def test_what_a_task_makes_up_for_when_somebody_resumes_it_may_be_recorded_while_all_is_held() -> None:
    resumed = a_dump(changes=[*a_dump().changes, replace(RUN, execution_id=None, action="resume")])

    assert "hold" not in told(evidence(dump=resumed, nemesis=[*a_nemesis(), *a_hold(4.9, 5.05)]))
