"""The figures of a whole store: what they are, and how seldom they are read."""

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Settlement
from application.scheduling.ports.membership import HandlerSpec
from application.scheduling.ports.metrics import (
    BACKLOG,
    DEAD_LETTERS,
    DUE_LAG,
    FIRING_HELD,
    MEMBERS,
    OLDEST_PENDING,
    OPEN,
    OUTBOX,
    OUTBOX_AGE,
    QUARANTINED,
    STORE_UP,
    TASKS,
    UNSERVED,
    WORKER_SLOTS,
)
from application.scheduling.ports.outbox import Waiting
from application.scheduling.services.measure_store import ANSWER_WITHIN, FRESH_FOR, MeasureStore
from tests.support.builders import SECOND, a_failure
from tests.support.house import House
from tests.support.outboxes import ListedOutbox, a_message


def measure(house: House) -> MeasureStore:
    stores = house.stores
    return MeasureStore(stores.tasks, stores.history, stores.figures, stores.membership, stores.holds, house.clock)


async def test_they_say_how_the_work_stands(house: House) -> None:
    await house.announce(HandlerSpec("mail", None), roles=frozenset({"worker"}))
    mail, billing = await house.create("report"), await house.create("bill", task_type="billing")
    await house.run_now(mail)
    (claim,) = await house.claim()
    await house.stores.executions.settle([Settlement(claim.execution.id, claim.token, a_failure())])
    await house.run_now(mail)
    await house.run_now(billing)
    assert billing.look_at is not None
    house.clock.advance_to(billing.look_at + 4 * SECOND)
    await house.announce(HandlerSpec("mail", None), roles=frozenset({"worker"}))

    told = await measure(house).readings()

    assert told[STORE_UP] == {(): 1}
    assert told[BACKLOG] == {("mail",): 1, ("billing",): 1}
    assert told[UNSERVED] == {("billing",): 1}
    assert told[DUE_LAG] == {(): 4}
    assert told[DEAD_LETTERS] == {(): 1}
    assert told[QUARANTINED] == told[FIRING_HELD] == {(): 0}
    assert told[TASKS] == {("active",): 2, ("paused",): 0, ("completed",): 0, ("failed",): 0}
    assert told[OPEN] == {("waiting",): 0, ("pending",): 2, ("running",): 0, ("retry_wait",): 0}
    assert (told[MEMBERS]["worker",], told[MEMBERS]["scheduler",]) == (1, 0)
    assert told[WORKER_SLOTS][()] > 0
    assert told[OLDEST_PENDING][()] > 4


async def test_they_are_read_again_only_after_a_while(house: House) -> None:
    measuring, task = measure(house), await house.create()
    before = await measuring.readings()
    await house.run_now(task)

    soon = await measuring.readings()
    house.clock.advance(FRESH_FOR)
    later = await measuring.readings()

    assert before[BACKLOG] == soon[BACKLOG] == {("mail",): 0}
    assert later[BACKLOG] == {("mail",): 1}


async def test_of_a_store_that_does_not_answer_only_that_is_told(house: House) -> None:
    house.stores.state.available = False

    assert await measure(house).readings() == {STORE_UP: {(): 0}}


async def test_a_store_that_kept_who_asked_waiting_is_asked_again_as_soon_as_one_that_did_not(house: House) -> None:
    class Slow(ListedOutbox):
        async def waiting(self) -> Waiting:
            house.clock.advance(ANSWER_WITHIN)
            raise StoreUnavailableError("it did not answer in time")

    measuring = measure(house)
    measuring.outbox = Slow([])
    assert await measuring.readings() == {STORE_UP: {(): 0}}
    measuring.outbox = None

    house.clock.advance(FRESH_FOR)
    assert (await measuring.readings())[STORE_UP] == {(): 1}


async def test_what_waits_for_streams_on_another_server_is_told_if_there_is_such_a_thing(house: House) -> None:
    with_outbox = measure(house)
    with_outbox.outbox = ListedOutbox([a_message(1), a_message(2)])
    house.clock.advance(9 * SECOND)

    without, told = await measure(house).readings(), await with_outbox.readings()

    assert (told[OUTBOX], told[OUTBOX_AGE]) == ({(): 2}, {(): 9})
    assert OUTBOX not in without
