"""Reading for people: warnings, figures, and health."""

from dataclasses import replace
from typing import Any

import pytest

from application.scheduling.ports.execution_store import Settlement
from application.scheduling.ports.history import ExecutionFilter, TaskFilter
from application.scheduling.ports.membership import HandlerSpec, Member
from application.scheduling.services.errors import ExecutionNotFoundError, TaskNotFoundError, TaskUnreadableError
from application.scheduling.services.inspect_tasks import LATE_AFTER, HealthProblem, InspectTasks, Trouble
from domain.scheduling.identifiers import ExecutionId, NodeId, TaskId
from domain.scheduling.outcome import UnknownHandler
from domain.scheduling.task import Quarantine
from tests.support.builders import DAY, HOUR, MINUTE, SECOND
from tests.support.house import House
from tests.support.manual_clock import NOON
from tests.support.outboxes import ListedOutbox, a_message


def inspect(house: House, *, fault: str | None = None) -> InspectTasks:
    stores = house.stores
    ports = stores.tasks, stores.history, stores.figures, stores.membership
    return InspectTasks(*ports, house.clock, lambda: fault, stores.holds)


@pytest.mark.parametrize(
    ("specs", "fields", "warnings"),
    [
        ([], {}, ("no_worker",)),
        ([HandlerSpec("mail", "other")], {}, ("no_handler",)),
        ([HandlerSpec("mail", "report")], {}, ()),
        ([HandlerSpec("mail", None)], {}, ()),
        ([HandlerSpec("mail", "cleanup")], {"handler": "cleanup"}, ()),
        ([HandlerSpec("mail", None)], {"policy": {"misfire": "all"}}, ("all_needs_allow",)),
    ],
    ids=str,
)
async def test_a_task_is_shown_with_what_deserves_a_warning(
    house: House, specs: list[HandlerSpec], fields: dict[str, Any], warnings: tuple[str, ...]
) -> None:
    await house.announce(*specs)
    task = await house.create(**fields)

    assert (await inspect(house).task(task.id)).warnings == warnings
    assert (await inspect(house).view(task)).warnings == warnings
    (listed,) = (await inspect(house).list(TaskFilter())).views
    assert (listed.task, listed.warnings) == (task, warnings)


async def test_a_quarantined_task_says_so(house: House) -> None:
    task = await house.create()
    house.stores.state.tasks[task.id].task = replace(task, quarantine=Quarantine("gone", NOON))

    assert "quarantined" in (await inspect(house).task(task.id)).warnings


async def test_what_is_not_there_or_cannot_be_read_is_said_so(house: House) -> None:
    task = await house.create()
    house.stores.state.tasks[task.id].error = "bad JSON"

    with pytest.raises(TaskUnreadableError):
        await inspect(house).task(task.id)
    with pytest.raises(TaskNotFoundError):
        await inspect(house).task(TaskId("none"))
    with pytest.raises(ExecutionNotFoundError):
        await inspect(house).execution(ExecutionId("none"))


async def test_the_history_of_a_task_is_read_newest_first(house: House) -> None:
    task = await house.create()
    execution = await house.run_now(task)
    house.clock.advance(HOUR)
    await house.fire()

    page = await inspect(house).executions(ExecutionFilter(task.id), limit=5)
    assert [each.execution.id for each in page.executions] == [execution]
    assert (await inspect(house).execution(execution)).summary == page.executions[0]
    assert [each.count for each in await house.stores.history.skips(task.id, limit=5)] == [1]
    assert [each.change.action for each in await inspect(house).changes(task.id)] == ["run", "create"]


async def test_health_is_the_absence_of_problems(house: House) -> None:
    assert (await inspect(house, fault="forgets keys").health()).problems == (
        HealthProblem(Trouble.UNFIT_STORE, "the store forgets keys"),
        HealthProblem(Trouble.NO_SCHEDULER, "no scheduler is running"),
        HealthProblem(Trouble.NO_WORKER, "no worker is running"),
    )
    await house.announce(roles=frozenset({"scheduler", "admin"}))
    await house.announce()

    health = await inspect(house).health()

    assert (health.problems, health.schedulers, health.workers, health.overdue_since) == ((), 1, 1, None)


async def test_workers_of_which_none_takes_anything_new_are_a_problem(house: House) -> None:
    await house.announce(roles=frozenset({"scheduler", "admin"}))
    for number in range(2):
        leaving = Member(NodeId(f"leaving-{number}"), frozenset({"worker"}), "host", 1, house.clock.now())
        await house.stores.membership.announce(leaving)
    without = await inspect(house).health()
    await house.announce()

    (problem,) = without.problems
    assert problem.trouble is Trouble.NOBODY_CLAIMS
    assert without.workers == 2
    assert (await inspect(house).health()).problems == ()


async def test_what_was_put_back_is_a_problem_only_if_no_worker_has_its_handler(house: House) -> None:
    await house.announce(roles=frozenset({"scheduler", "admin"}))
    await house.announce(HandlerSpec("mail", "digest"))
    task = await house.create(handler="report")
    await house.run_now(task)
    before = await inspect(house).health()
    (claim,) = await house.claim()
    await house.stores.executions.settle([Settlement(claim.execution.id, claim.token, UnknownHandler())])

    without = await inspect(house).health()
    await house.announce(HandlerSpec("mail", "report"))

    assert before.problems == ()
    assert without.problems == (
        HealthProblem(Trouble.NO_HANDLER, "1 execution cannot start: no worker has the handler report of type mail"),
    )
    assert (await inspect(house).health()).problems == ()


async def test_what_is_due_and_lies_undone_is_a_problem_behind_a_quarantined_task_too(house: House) -> None:
    quarantined, _ = await house.create("quarantined"), await house.create(schedule="1 * * * *")
    house.stores.state.tasks[quarantined.id].task = replace(quarantined, quarantine=Quarantine("x", NOON + DAY))
    house.clock.advance(HOUR + MINUTE - HOUR + LATE_AFTER)
    in_time = await inspect(house).health()
    house.clock.advance(SECOND)

    late = await inspect(house).health()

    assert (in_time.overdue_since, late.overdue_since) == (None, NOON + MINUTE)
    assert Trouble.OVERDUE in [each.trouble for each in late.problems]


async def test_messages_that_stay_in_the_store_are_a_problem_and_those_on_their_way_are_none(house: House) -> None:
    waiting = replace(inspect(house), outbox=ListedOutbox([a_message(1)]))
    house.clock.advance(LATE_AFTER)
    on_their_way = await waiting.health()
    house.clock.advance(SECOND)

    late = await waiting.health()

    assert Trouble.UNDELIVERED not in [each.trouble for each in on_their_way.problems]
    told = "1 message of external tasks could not be sent to Redis, the first since 2024-01-15T12:00:00+00:00"
    assert HealthProblem(Trouble.UNDELIVERED, told) in late.problems
