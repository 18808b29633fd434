"""Creations in Redis: one call each, which hopes that nothing is there, and what becomes of them where something is."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from redis import Redis

from adapters.redis.mutations import BATCH_MAX
from adapters.redis.opening import RedisStores
from application.scheduling.drafts import body_from
from application.scheduling.ports.errors import StoreFullError
from application.scheduling.ports.task_store import Applied, MutateAnswer, NameTaken, Replayed, TooEarly
from application.scheduling.services.change_task import Author, ChangeTask
from application.scheduling.services.manage_tasks import ManageTasks
from domain.scheduling.change import Via
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import Mutation
from entrypoints.hints import Hints
from tests.support.builders import a_creation, a_definition
from tests.support.manual_clock import NOON, ManualClock
from tests.support.recorders import CountingEntropy, RecordingObserver

MANY = 2 * BATCH_MAX + 100
DOCUMENT = {"task_type": "mail", "schedule_type": "cron", "schedule": "0 2 * * *", "payload": {"days": 30}}


def _creation(number: int, name: str | None = None, key: str | None = None) -> Mutation:
    return a_creation(a_definition(name or f"task {number}"), task_id=f"{number:04}", key=key)


def _not_applied(answers: Iterable[MutateAnswer]) -> dict[int, MutateAnswer]:
    return {place: answer for place, answer in enumerate(answers) if not isinstance(answer, Applied)}


def _calls(admin: Redis) -> int:
    counted: int = admin.info("commandstats")["cmdstat_evalsha"]["calls"]
    return counted


async def test_tasks_created_in_a_row_take_one_call_each_and_one_more_a_second(
    stores: RedisStores, admin: Redis, clock: ManualClock
) -> None:
    change_task = ChangeTask(stores.tasks, clock, Hints(), RecordingObserver())
    manage = ManageTasks(change_task, stores.executions, stores.membership, CountingEntropy())
    await manage.create(body_from({**DOCUMENT, "name": "first"}), Author("ana", Via.API))
    before = _calls(admin)

    for number in range(10):
        await manage.create(body_from({**DOCUMENT, "name": f"task {number}"}), Author("ana", Via.API))

    assert _calls(admin) - before == 10


async def test_of_many_creations_only_those_whose_names_are_taken_are_refused(stores: RedisStores) -> None:
    taken = {7: "first", BATCH_MAX + 3: "second"}
    await stores.tasks.mutate([_creation(9_000 + place, name) for place, name in taken.items()])

    answers = await stores.tasks.mutate([_creation(number, taken.get(number)) for number in range(MANY)])

    assert _not_applied(answers) == {place: NameTaken(TaskId(f"{9_000 + place}")) for place in taken}


async def test_of_two_creations_with_one_name_or_one_key_the_first_is_carried_out_however_far_apart(
    stores: RedisStores,
) -> None:
    first = [_creation(0), _creation(1, key="once"), *(_creation(number) for number in range(2, MANY))]

    answers = await stores.tasks.mutate([*first, _creation(MANY, "task 0"), _creation(MANY + 1, key="once")])

    assert _not_applied(answers) == {MANY: NameTaken(TaskId("0000")), MANY + 1: Replayed(TaskId("0001"), 1, None)}


async def test_many_creations_for_which_there_is_no_memory_fail_as_one_would(stores: RedisStores, admin: Redis) -> None:
    admin.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreFullError):
            await stores.tasks.mutate([_creation(number) for number in range(MANY)])
    finally:
        admin.config_set("maxmemory", 0)


async def test_a_creation_decided_ahead_of_the_servers_clock_is_too_early(stores: RedisStores) -> None:
    ahead = timedelta(seconds=3)

    answers = await stores.tasks.mutate([a_creation(a_definition(), at=NOON + ahead)])

    assert (list(answers), await stores.tasks.find("report")) == ([TooEarly(ahead)], None)
