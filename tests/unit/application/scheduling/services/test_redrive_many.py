from typing import Any

from application.scheduling.ports.execution_store import Settlement
from application.scheduling.services.errors import ServiceError
from application.scheduling.services.redrive_execution import RedriveExecution
from application.scheduling.services.redrive_many import Foreseen, RedriveMany, Redriven
from domain.errors import DomainError
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.task import ScheduledTask
from tests.support.builders import a_failure
from tests.support.house import ANA, House

GONE = ExecutionId("0" * 32)


def many(house: House) -> RedriveMany:
    return RedriveMany(RedriveExecution(house.change_task, house.stores.history, house.stores.membership))


async def died(house: House, task: ScheduledTask, **options: Any) -> ExecutionId:
    execution_id = await house.run_now(task, **options)
    (claim,) = await house.claim()
    await house.stores.executions.settle([Settlement(claim.execution.id, claim.token, a_failure())])
    return execution_id


def verdict(each: Foreseen | Redriven) -> str:
    match each.refusal:
        case None:
            return "fine"
        case DomainError() as refusal:
            return refusal.reason
        case ServiceError() as refusal:
            return refusal.code


async def test_what_is_foreseen_is_what_happens(house: House) -> None:
    free, busy, gone = [await house.create(name) for name in ("free", "busy", "gone")]
    ids = [await died(house, each) for each in (free, busy, gone)]
    await house.run_now(busy)
    await house.manage.delete(gone.id, ANA)
    ids.append(GONE)

    foreseen = await many(house).foresee(ids, ANA)
    done = await many(house).carry_out(ids, ANA)

    expected = ["fine", "already_running", "task_not_found", "execution_not_found"]
    assert [verdict(each) for each in foreseen] == [verdict(each) for each in done] == expected
    assert [each.execution_id for each in done] == ids
    assert done[0].by is not None
    assert house.execution(done[0].by).redrive_of == ids[0]


async def test_foreseeing_starts_nothing(house: House) -> None:
    dead = await died(house, await house.create())
    before = house.states()

    (foreseen,) = await many(house).foresee([dead], ANA)

    assert (foreseen.refusal, foreseen.redriven_by, house.states()) == (None, None, before)
    assert foreseen.task is not None


async def test_only_the_first_of_one_task_starts_unless_they_may_overlap(house: House) -> None:
    task = await house.create()
    ids = [await died(house, task) for _ in range(3)]

    alone = await many(house).foresee(ids, ANA)
    beside = await many(house).foresee(ids, ANA, allow_overlap=True)
    done = await many(house).carry_out(ids, ANA)

    assert [verdict(each) for each in alone] == ["fine", "runs_overlap", "runs_overlap"]
    assert [verdict(each) for each in beside] == ["fine", "fine", "fine"]
    assert [verdict(each) for each in done] == ["fine", "already_running", "already_running"]


async def test_a_task_whose_runs_may_overlap_starts_them_all(house: House) -> None:
    task = await house.create(policy={"overlap": "allow"})
    ids = [await died(house, task) for _ in range(2)]

    assert [verdict(each) for each in await many(house).foresee(ids, ANA)] == ["fine", "fine"]
    assert [verdict(each) for each in await many(house).carry_out(ids, ANA)] == ["fine", "fine"]


async def test_asked_again_it_is_what_was_done_before(house: House) -> None:
    dead = await died(house, await house.create())
    (first,) = await many(house).carry_out([dead], ANA)

    (foreseen,) = await many(house).foresee([dead], ANA)
    (again,) = await many(house).carry_out([dead], ANA)

    assert (again.by, again.replayed, first.replayed) == (first.by, True, False)
    assert foreseen.redriven_by == first.by
