"""External types: what is saved under one is external, and what was saved before becomes so."""

from dataclasses import replace

import pytest

from application.scheduling.deliveries import Deliveries
from application.scheduling.ports.membership import HandlerSpec
from application.scheduling.services.adopt_external_types import AdoptExternalTypes
from application.scheduling.services.manage_tasks import ManageTasks
from application.scheduling.services.restore_version import RestoreVersion
from domain.scheduling.change import Via
from domain.scheduling.execution import ExecutionState
from domain.scheduling.task import Delivery
from tests.support.house import ANA, House, a_body

HERE = Deliveries(has_streams=True, external_types=frozenset({"mail"}))
STRICT = HandlerSpec(
    "mail", None, payload_schema={"type": "object", "required": ["to"], "properties": {"to": {"type": "string"}}}
)


def adopting(house: House) -> AdoptExternalTypes:
    return AdoptExternalTypes(house.change_task, house.stores.history, HERE)


def manage(house: House) -> ManageTasks:
    return replace(house.manage, deliveries=HERE)


@pytest.mark.parametrize("said", ["managed", "external", None])
async def test_the_type_decides_whatever_a_body_says(house: House, said: str | None) -> None:
    body = a_body("digest", task_type="mail", **({} if said is None else {"delivery": said}))

    task = (await manage(house).create(body, ANA)).task
    patched = await manage(house).patch(task.id, {"delivery": "managed", "description": "edited"}, ANA)

    assert task.definition.delivery is Delivery.EXTERNAL
    assert (patched.task.definition.delivery, patched.task.version) == (Delivery.EXTERNAL, 2)


async def test_another_type_may_be_delivered_and_come_back(house: House) -> None:
    task = (await manage(house).create(a_body(task_type="other", delivery="external"), ANA)).task
    again = (await manage(house).patch(task.id, {"delivery": "managed"}, ANA)).task

    assert (task.definition.delivery, again.definition.delivery) == (Delivery.EXTERNAL, Delivery.MANAGED)


async def test_no_worker_judges_the_payload_of_what_it_does_not_run(house: House) -> None:
    await house.announce(STRICT)

    task = (await manage(house).create(a_body(task_type="mail", payload={"no": "to"}), ANA)).task
    ran = await manage(house).run_now(task.id, ANA, payload={"nor": "here"})

    assert ran.execution_id is not None
    assert house.execution(ran.execution_id).state is ExecutionState.DELIVERED


async def test_a_version_of_before_comes_back_as_external(house: House) -> None:
    task = await house.create(task_type="mail")
    await adopting(house).run_once()
    restore = RestoreVersion(house.change_task, house.stores.history, house.stores.membership, HERE)

    done = await restore.restore(task.id, 1, ANA)

    assert done.task.definition.delivery is Delivery.EXTERNAL


async def test_what_was_saved_before_is_adopted_once_and_on_record(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.scheduling.services.adopt_external_types.PAGE_SIZE", 2)
    mails = [await house.create(f"mail {number}", task_type="mail") for number in range(5)]
    other = await house.create("other", task_type="other")
    await house.manage.pause(mails[0].id, ANA)

    counts = [await adopting(house).run_once() for _ in range(2)]

    assert counts == [5, 0]
    after = [await house.task(each.id) for each in mails]
    assert {each.definition.delivery for each in after} == {Delivery.EXTERNAL}
    assert [each.next_occurrence for each in after] == [each.next_occurrence for each in mails]
    assert await house.task(other.id) == other
    (newest,) = await house.stores.history.changes(mails[1].id, limit=1)
    assert (newest.change.actor, newest.change.via) == ("scheduler", Via.SYSTEM)
    assert newest.change.reason == "mail is an external type here"


async def test_a_run_of_before_stays_with_our_workers(house: House) -> None:
    task = await house.create(task_type="mail")
    execution_id = await house.run_now(task)

    await adopting(house).run_once()

    assert [each.execution.id for each in await house.claim()] == [execution_id]
