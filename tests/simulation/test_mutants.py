"""The simulation sees what it is there to see: without any one rule of the protocol some day breaks a promise."""

import pytest

from tests.support.mutants import MUTANTS
from tests.support.simulation import simulate

SEEDS_MAX = 12
# Those that the first days show within moments; the others are looked for in `make soak`.
QUICK = (
    "commit without decided_until",
    "commit without open_seq",
    "commit without good_until",
    "commit by the scheduler's clock",
    "change by the asker's clock",
    "settle without state",
    "claim that does not move the state",
    "retry before its time",
    "edit that moves no version",
    "resume from now alone",
    "undelete from now alone",
    "what changes nothing not recorded",
    "what changes nothing moves the version",
    "watermark not advanced with a skip",
    "skips not recorded",
    "retry counted twice",
    "cancel as a blind write",
    "rescue of the living",
    "redrive again and again",
    "secrets told",
    "switch looked at once",
)


@pytest.mark.parametrize("name", QUICK)
def test_a_rule_taken_away_is_missed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch.setattr)

    _breaks_in_some_day()


@pytest.mark.soak
@pytest.mark.parametrize("name", [each for each in MUTANTS if each not in QUICK])
def test_a_rule_taken_away_is_missed_before_long(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch.setattr)

    _breaks_in_some_day()


def _breaks_in_some_day() -> None:
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        _lead_days()


def _lead_days() -> None:
    for seed in range(1, SEEDS_MAX + 1):
        simulate(seed)
