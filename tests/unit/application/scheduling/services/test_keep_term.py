"""The office of upkeep: one holder at a time, replaced when it falls silent, by stop-watches alone."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from application.scheduling.ports.term import Term
from application.scheduling.services.keep_term import LEASE, MARGIN, RENEW_EVERY, KeepTerm
from domain.scheduling.identifiers import NodeId
from tests.support.manual_clock import ManualClock

SECOND = timedelta(seconds=1)


@dataclass(slots=True)
class OneTerm:
    """The office, in memory."""

    term: Term = field(default_factory=Term)

    async def seen(self) -> Term:
        return self.term

    async def replace(self, seen: Term, by: Term) -> bool:
        is_so = seen == self.term
        self.term = by if is_so else self.term
        return is_so


@dataclass(slots=True)
class Snatched(OneTerm):
    """One that somebody else takes between the look and the write."""

    async def replace(self, seen: Term, by: Term) -> bool:
        self.term = Term(NodeId("thief"), seen.number + 1)
        return await OneTerm.replace(self, seen, by)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def office() -> OneTerm:
    return OneTerm()


@pytest.fixture
def a(office: OneTerm, clock: ManualClock) -> KeepTerm:
    return KeepTerm(office, NodeId("a"), clock)


@pytest.fixture
def b(office: OneTerm, clock: ManualClock) -> KeepTerm:
    return KeepTerm(office, NodeId("b"), clock)


async def test_the_first_takes_the_office_and_keeps_it_while_it_gives_signs_of_life(
    office: OneTerm, clock: ManualClock, a: KeepTerm, b: KeepTerm
) -> None:
    assert not a.is_ours
    for _ in range(10):
        await a.run_once()
        await b.run_once()
        assert (a.is_ours, b.is_ours) == (True, False)
        clock.advance(RENEW_EVERY)

    assert office.term == Term(NodeId("a"), 1, 9)


async def test_a_holder_that_falls_silent_is_replaced_and_knows_it_before(
    office: OneTerm, clock: ManualClock, a: KeepTerm, b: KeepTerm
) -> None:
    await a.run_once()
    await b.run_once()

    clock.advance(LEASE - MARGIN - SECOND)
    await b.run_once()
    assert (a.is_ours, b.is_ours) == (True, False)
    clock.advance(SECOND)
    assert not a.is_ours
    clock.advance(MARGIN)
    await b.run_once()
    assert b.is_ours

    # Back from its silence, it finds another one in office and starts to watch that.
    await a.run_once()
    assert (a.is_ours, office.term) == (False, Term(NodeId("b"), 2))


async def test_setting_the_calendar_replaces_nobody(clock: ManualClock, a: KeepTerm, b: KeepTerm) -> None:
    await a.run_once()
    await b.run_once()
    clock.step(timedelta(days=1))
    await b.run_once()

    assert (a.is_ours, b.is_ours) == (True, False)


async def test_who_resigns_is_followed_at_once_and_who_has_no_office_resigns_from_none(
    a: KeepTerm, b: KeepTerm
) -> None:
    await a.run_once()
    await b.resign()
    assert a.is_ours
    await a.resign()
    await b.run_once()

    assert (a.is_ours, b.is_ours) == (False, True)


async def test_who_comes_second_in_taking_it_has_not_got_it(clock: ManualClock) -> None:
    late = KeepTerm(Snatched(), NodeId("a"), clock)

    await late.run_once()

    assert not late.is_ours
