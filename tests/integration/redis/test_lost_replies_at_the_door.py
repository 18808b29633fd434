"""Every step of access: carried out, unheard by its caller, and made again."""

import pytest
from redis import Redis

from application.scheduling.ports.errors import StoreUnavailableError
from domain.access.throttle import FREE_PER_ACCOUNT
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import SECOND
from tests.support.lost_replies import lost_reply, make_known
from tests.support.lost_steps_at_the_door import KEYS, STEPS
from tests.support.manual_clock import NOON
from tests.support.wire_proxy import Fault, Once, WireProxy, calls

pytestmark = pytest.mark.redis


@pytest.mark.parametrize("name", STEPS)
async def test_a_step_whose_answer_was_lost_leaves_what_the_reference_has(
    name: str, wire: WireProxy, remote: StoreUnderTest, reference: StoreUnderTest, admin: Redis
) -> None:
    step = STEPS[name]
    expected = await step.by_reference(reference)

    assert await step.over(wire, remote, lost_reply(admin, step.loses)) == expected


async def test_an_attempt_counts_although_its_answer_was_lost(
    wire: WireProxy, remote: StoreUnderTest, admin: Redis
) -> None:
    make_known(admin, "access_write")
    for _ in range(FREE_PER_ACCOUNT):
        with wire.breaking(Once(Fault.REPLY_LOST, calls("access_write"))), pytest.raises(StoreUnavailableError):
            await remote.access.admit_login(KEYS)

    assert await remote.access.admit_login(KEYS) == NOON + SECOND
