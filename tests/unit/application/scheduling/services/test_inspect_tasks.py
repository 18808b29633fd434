"""Reading for people: warnings, figures, health, and previews that are what fires."""

from dataclasses import replace
from typing import Any

import pytest

from application.scheduling.ports.history import ExecutionFilter, TaskFilter
from application.scheduling.ports.membership import HandlerSpec
from application.scheduling.services.errors import ExecutionNotFoundError, TaskNotFoundError, TaskUnreadableError
from application.scheduling.services.inspect_tasks import LATE_AFTER, InspectTasks
from application.scheduling.services.preview import COUNT_MAX, Preview
from domain.errors import InvalidInputError
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import Quarantine, TaskStatus
from tests.support.builders import DAY, HOUR, MINUTE, SECOND
from tests.support.house import ANA, House, a_body
from tests.support.manual_clock import NOON


def inspect(house: House) -> InspectTasks:
    return InspectTasks(house.stores.tasks, house.stores.history, house.stores.membership, house.clock)


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
    assert [each.count for each in await inspect(house).skips(task.id)] == [1]
    assert [each.change.action for each in await inspect(house).changes(task.id)] == ["run", "create"]


async def test_the_figures_are_as_of_now(house: House) -> None:
    await house.announce(HandlerSpec("mail", None))
    await house.create("later", schedule="0 0 * * *")
    soon = await house.create("soon")
    await house.run_now(soon)

    figures = await inspect(house).statistics()

    assert figures.counts.tasks_by_status == {TaskStatus.ACTIVE: 2}
    assert [view.task.definition.name for view in figures.upcoming] == ["soon", "later"]
    assert [view.warnings for view in figures.upcoming] == [(), ()]
    assert [each.task_name for each in figures.recent.executions] == ["soon"]
    assert len(figures.members) == 1


async def test_health_is_the_absence_of_problems(house: House) -> None:
    assert (await inspect(house).health()).problems == ("no scheduler is running", "no worker is running")
    await house.announce(roles=frozenset({"scheduler", "admin"}))
    await house.announce()

    health = await inspect(house).health()

    assert (health.problems, health.schedulers, health.workers, health.overdue_since) == ((), 1, 1, None)


async def test_what_is_due_and_lies_undone_is_a_problem_behind_a_quarantined_task_too(house: House) -> None:
    quarantined, _ = await house.create("quarantined"), await house.create(schedule="1 * * * *")
    house.stores.state.tasks[quarantined.id].task = replace(quarantined, quarantine=Quarantine("x", NOON + DAY))
    house.clock.advance(HOUR + MINUTE - HOUR + LATE_AFTER)
    in_time = await inspect(house).health()
    house.clock.advance(SECOND)

    late = await inspect(house).health()

    assert (in_time.overdue_since, late.overdue_since) == (None, NOON + MINUTE)
    assert any("was not dispatched" in each for each in late.problems)


@pytest.mark.parametrize(
    "fields",
    [
        {"schedule": "*/20 * * * *"},
        {"schedule": "*/20 * * * *", "policy": {"jitter": "5m"}},
        {"schedule": "30 2 * * *", "timezone": "Europe/Berlin"},
        {"schedule_type": "interval", "schedule": "25m", "policy": {"max_runs": 3}},
        {"schedule_type": "one_time", "schedule": "2024-01-15T14:00:00Z"},
        {"schedule_type": "one_time", "schedule": "2024-01-15T11:00:00Z", "if_past": "run_now"},
        {"policy": {"start_at": "2024-01-15T15:00:00Z", "end_at": "2024-01-15T16:00:00Z"}},
    ],
    ids=str,
)
async def test_a_preview_is_what_fires(house: House, fields: dict[str, Any]) -> None:
    shown = Preview(house.clock).of_body(a_body(**fields), 4)
    task = await house.create(**fields)
    promised = Preview(house.clock).of_task(task, 4)

    for _ in promised:
        next_at = await house.dispatch.run_once(EVERYTHING)
        house.clock.advance_to(max(next_at or house.clock.now(), house.clock.now()))
        await house.fire()
        for claim in await house.claim(5):
            await house.manage.cancel(claim.execution.id, ANA)
        await house.stores.executions.rescue(await house.stores.executions.held())

    fired = sorted(house.stores.state.executions.values(), key=lambda each: each.execution.id)
    assert [(each.execution.nominal_at, each.execution.scheduled_at) for each in fired][:4] == [
        (each.nominal_at, each.run_at) for each in promised
    ]
    assert [each.nominal_at for each in shown] == [each.nominal_at for each in promised]


async def test_a_paused_task_is_previewed_as_if_resumed_now_and_a_finished_one_not_at_all(house: House) -> None:
    task = await house.create()
    paused = (await house.manage.pause(task.id, ANA)).task
    house.clock.advance(DAY)

    preview = Preview(house.clock)

    assert [each.nominal_at for each in preview.of_task(paused, 1)] == [NOON + DAY + HOUR]
    assert preview.of_task(replace(paused, status=TaskStatus.FAILED), 5) == ()


async def test_the_preview_of_an_edit_keeps_the_anchor_the_edit_would_keep(house: House) -> None:
    task = await house.create(schedule_type="interval", schedule="7h")
    house.clock.advance(HOUR)
    body = a_body(schedule_type="interval", schedule="7h", description="new")

    edited = Preview(house.clock).of_body(body, 1, present=task)

    assert [each.nominal_at for each in edited] == [NOON + 7 * HOUR]


async def test_a_preview_is_bounded_and_judges_its_body(house: House) -> None:
    assert len(Preview(house.clock).of_body(a_body(), 10**9)) == COUNT_MAX
    with pytest.raises(InvalidInputError):
        Preview(house.clock).of_body(a_body(schedule="x"), 5)
