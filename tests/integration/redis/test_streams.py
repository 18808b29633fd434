"""The streams that executions are dispatched to: what a message says, who may read along, and that none grows for ever.

Claims follow the order of what is pending and never that of a stream, so whatever happens to messages, no execution
is lost, run twice or kept waiting by it.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.redis import script as scripts
from adapters.redis.keys import key, stream
from adapters.redis.script import GROUP
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Claim, Settlement
from application.scheduling.ports.history import ExecutionFilter, Retention
from application.scheduling.ports.task_store import Decision
from domain.scheduling.execution import ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import microseconds
from domain.scheduling.outcome import Succeeded
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.schedule import IntervalSchedule
from domain.scheduling.task import Delivery, ScheduledTask
from tests.conformance.backends import BACKENDS, redis_server
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import MINUTE, SECOND, a_definition
from tests.support.manual_clock import NOON, ManualClock

pytestmark = pytest.mark.redis

MAIL = stream("mail")
AT_ONCE = 50
BURST = ExecutionPolicy(misfire=Misfire.ALL, overlap=Overlap.ALLOW, catch_up_max=AT_ONCE)
"""Every occurrence that was missed runs, beside whatever is open: AT_ONCE executions in one firing."""
WINDOW = 300
CAP = 400


@pytest.fixture
def short_streams(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Streams that are full with fewer messages."""
    for name, limit in (("STREAM_WINDOW", WINDOW), ("STREAM_MAX", 2 * WINDOW), ("EXTERNAL_MAX", CAP)):
        monkeypatch.setattr(scripts, name, limit)
    scripts.script.cache_clear()
    yield
    monkeypatch.undo()
    scripts.script.cache_clear()


@pytest.fixture
async def store(tmp_path: Path, short_streams: None) -> AsyncIterator[StoreUnderTest]:
    async with BACKENDS["redis"](ManualClock(), tmp_path) as opened:
        yield opened


@pytest.fixture
def wire(store: StoreUnderTest) -> Iterator[Any]:
    """A client of somebody else's, on the same server; the driver's types say less than its answers."""
    with redis_server().client(decode_responses=True) as client:
        yield client


async def burst(store: StoreUnderTest, *, delivery: Delivery = Delivery.MANAGED) -> ScheduledTask:
    """A task that will have much to do at once."""
    return await store.add(a_definition(schedule=IntervalSchedule(SECOND), policy=BURST, delivery=delivery))


async def dispatched(store: StoreUnderTest, task: ScheduledTask, count: int) -> None:
    """So many executions of it, in firings of AT_ONCE."""
    for _ in range(count // AT_ONCE):
        store.clock.advance(AT_ONCE * SECOND)
        await store.commit(await store.read(task))


async def worked_off(store: StoreUnderTest) -> list[Claim]:
    """Everything that is pending, claimed and settled."""
    done: list[Claim] = []
    while claims := await store.executions.claim(WORKER, [store.token() for _ in range(500)]):
        await store.executions.settle([Settlement(each.execution.id, each.token, Succeeded()) for each in claims])
        done += claims
    return done


def read_along(wire: Any, group: str) -> list[str]:
    """The executions of all messages that this group has not read; it acknowledges them."""
    seen: list[str] = []
    while found := wire.xreadgroup(group, "somebody", {MAIL: ">"}, count=1_000):
        ((_, messages),) = found
        seen += [fields["execution_id"] for _, fields in messages]
        wire.xack(MAIL, group, *(message_id for message_id, _ in messages))
    return seen


async def test_a_message_says_what_is_to_be_run(store: StoreUnderTest, wire: Any) -> None:
    task = await store.add(a_definition("Weekly digest", payload_json='{"n":12345678901234567890}'))

    (execution_id,) = await store.fired(task)

    ((_, fields),) = wire.xrange(MAIL)
    now = str(microseconds(store.clock.now()))
    assert fields == {
        "task_name": "Weekly digest",
        "payload": '{"n":12345678901234567890}',
        "scheduled_task_id": task.id,
        "execution_id": execution_id,
        "task_type": "mail",
        "scheduled_at": now,
        "dispatched_at": now,
        "attempt": "1",
        "traceparent": "",
    }


async def test_a_run_with_a_payload_of_its_own_sends_that(store: StoreUnderTest, wire: Any) -> None:
    task = await store.add(a_definition(payload_json='{"v":1}'))

    await store.run_now(task, key="by hand", payload_json='{"mine":[]}')

    ((_, fields),) = wire.xrange(MAIL)
    assert fields["payload"] == '{"mine":[]}'


async def test_a_claim_is_a_delivery_to_the_group_of_the_workers_until_it_is_settled(
    store: StoreUnderTest, wire: Any
) -> None:
    claim = await store.started(await store.add())

    ((message_id, _),) = wire.xrange(MAIL)
    (delivery,) = wire.xpending_range(MAIL, GROUP, "-", "+", 10)
    assert (delivery["message_id"], delivery["consumer"]) == (message_id, WORKER)
    (group,) = wire.xinfo_groups(MAIL)
    assert (group["name"], group["last-delivered-id"]) == (GROUP, message_id)

    await store.settle(claim)

    assert wire.xpending(MAIL, GROUP)["pending"] == 0


async def test_a_foreign_group_reads_along_without_loss_and_the_stream_stays_short(
    store: StoreUnderTest, wire: Any
) -> None:
    wire.xgroup_create(MAIL, "audit", id="0", mkstream=True)
    task = await burst(store)
    expected: list[str] = []
    seen: list[str] = []

    for _ in range(12):
        await dispatched(store, task, WINDOW // 3)
        expected += [each.execution.id for each in await worked_off(store)]
        seen += read_along(wire, "audit")

    assert len(expected) == 4 * WINDOW
    assert sorted(seen) == sorted(expected)
    # Redis trims whole nodes of a hundred entries, and what was claimed from beyond the window has its message, too.
    assert wire.xlen(MAIL) <= WINDOW + 100


async def test_what_waits_beyond_the_window_gets_its_message_with_its_claim(store: StoreUnderTest, wire: Any) -> None:
    wire.xgroup_create(MAIL, "audit", id="0", mkstream=True)
    task = await burst(store)
    waiting = 2 * WINDOW
    await dispatched(store, task, waiting)
    assert wire.xlen(MAIL) == WINDOW

    seen = read_along(wire, "audit")
    claims = await worked_off(store)
    seen += read_along(wire, "audit")

    assert len(claims) == waiting
    assert [each.execution.id for each in claims] == sorted(each.execution.id for each in claims)
    assert sorted(seen) == sorted(each.execution.id for each in claims)


async def test_what_every_group_has_read_is_forgotten_with_other_old_records(store: StoreUnderTest, wire: Any) -> None:
    wire.xgroup_create(MAIL, "audit", id="0", mkstream=True)
    task = await burst(store)
    await dispatched(store, task, WINDOW // 3)
    await worked_off(store)

    await store.history.prune(Retention(), limit=1_000)
    assert wire.xlen(MAIL) >= WINDOW // 3, "somebody has still to read them"

    read_along(wire, "audit")
    await store.history.prune(Retention(), limit=1_000)
    # Redis trims whole nodes of a hundred entries.
    assert wire.xlen(MAIL) <= 100


async def test_a_type_of_which_nothing_is_left_is_looked_at_no_more_until_there_is_something_again(
    store: StoreUnderTest, wire: Any
) -> None:
    async def known() -> set[str]:
        await store.history.prune(Retention(), limit=1_000)
        return set(wire.smembers(key("types")))

    task = await burst(store)
    assert await known() == set()
    await dispatched(store, task, AT_ONCE)
    assert await known() == {"mail"}, "it waits for a worker"
    await worked_off(store)
    wire.xgroup_create(MAIL, "audit", id="0")
    assert await known() == {"mail"}, "workers were here lately"
    wire.xgroup_delconsumer(MAIL, GROUP, WORKER)
    assert await known() == {"mail"}, "somebody has still to read its messages"
    read_along(wire, "audit")

    assert await known() == set()

    await dispatched(store, task, AT_ONCE)
    assert len(await worked_off(store)) == AT_ONCE


def remove_one(wire: Any) -> None:
    wire.xdel(MAIL, wire.xrange(MAIL, count=1)[0][0])


def trim_all(wire: Any) -> None:
    wire.xtrim(MAIL, maxlen=0, approximate=False)


def repeat_all(wire: Any) -> None:
    for _, fields in reversed(wire.xrange(MAIL)):
        wire.xadd(MAIL, fields)


def delete_stream(wire: Any) -> None:
    wire.delete(MAIL)


def remove_group(wire: Any) -> None:
    wire.xgroup_destroy(MAIL, GROUP)


@pytest.mark.parametrize("harm", [remove_one, trim_all, repeat_all, delete_stream, remove_group])
async def test_no_harm_to_a_stream_harms_an_execution(
    store: StoreUnderTest, wire: Any, harm: Callable[[Any], None]
) -> None:
    task = await burst(store)
    await dispatched(store, task, AT_ONCE)
    before = await store.claim()

    harm(wire)

    claims = await worked_off(store)
    assert len(claims) == AT_ONCE - 1
    await store.settle(before)
    assert await store.state(before.execution.id) is ExecutionState.SUCCEEDED
    assert all([await store.state(each.execution.id) is ExecutionState.SUCCEEDED for each in claims])


async def test_an_external_task_is_delivered_with_its_message_and_its_stream_is_capped(
    store: StoreUnderTest, wire: Any
) -> None:
    task = await burst(store, delivery=Delivery.EXTERNAL)

    await dispatched(store, task, 2 * CAP)

    page = await store.history.executions(ExecutionFilter(), limit=10, cursor=None)
    assert {each.execution.state for each in page.executions} == {ExecutionState.DELIVERED}
    assert await store.executions.claim(WORKER, [store.token()]) == []
    # Redis trims whole nodes of a hundred entries.
    assert CAP <= wire.xlen(MAIL) <= CAP + 100
    newest = wire.xrevrange(MAIL, count=1)[0][1]
    assert newest["scheduled_at"] == str(microseconds(NOON + timedelta(seconds=2 * CAP)))


async def test_a_key_in_the_way_of_a_delivery_is_named_and_keeps_nothing_else_from_being_fired(
    store: StoreUnderTest, wire: Any
) -> None:
    blocked = await burst(store, delivery=Delivery.EXTERNAL)
    other = await store.add(a_definition("other", task_type="other", delivery=Delivery.EXTERNAL))
    wire.set(MAIL, "somebody's own")
    store.clock.advance(MINUTE)
    tasks = [await store.read(each) for each in (blocked, other)]

    with pytest.raises(StoreUnavailableError, match=f"{MAIL}, which is no stream"):
        await store.tasks.commit_firings([Decision(task, fire(task, store.clock.now())) for task in tasks])

    assert (wire.get(MAIL), wire.xlen(stream("other"))) == ("somebody's own", 1)
    assert await store.read(blocked) == tasks[0]
