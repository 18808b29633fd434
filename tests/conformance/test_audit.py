"""The contract of `History.audit`: every change of every task, in the order in which they were recorded."""

from datetime import timedelta

import pytest

from application.scheduling.ports.history import AuditEntry, AuditFilter, Retention
from domain.errors import DomainError
from domain.scheduling.change import ChangeAction
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import edit
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import HOUR, MINUTE, a_change, a_definition
from tests.support.manual_clock import NOON

ANY = AuditFilter()


async def _two_tasks_and_their_changes(store: StoreUnderTest) -> None:
    """report: created, edited by bob, run; other: created, paused, deleted; one change a minute."""
    report = await store.add()
    store.clock.advance(MINUTE)
    other = await store.add(a_definition("other"))
    store.clock.advance(MINUTE)
    change = a_change(at=store.clock.now(), actor="bob", reason="because")
    await store.applied(edit(report, a_definition(description="what for"), change))
    store.clock.advance(MINUTE)
    await store.paused(other)
    store.clock.advance(MINUTE)
    await store.run_now(report, key="now")
    store.clock.advance(MINUTE)
    await store.deleted(await store.read(other))


def _said(entry: AuditEntry) -> tuple[str, str, str]:
    return entry.task_name, entry.record.change.action, entry.record.change.actor


async def _all(store: StoreUnderTest, which: AuditFilter = ANY, *, limit: int = 100) -> list[AuditEntry]:
    page = await store.history.audit(which, limit=limit, cursor=None)
    found = list(page.entries)
    while page.next_cursor is not None:
        page = await store.history.audit(which, limit=limit, cursor=page.next_cursor)
        assert 0 < len(page.entries) <= limit
        found += page.entries
    return found


async def test_every_change_of_every_task_is_there_newest_first(store: StoreUnderTest) -> None:
    await _two_tasks_and_their_changes(store)

    found = await _all(store)

    assert [_said(each) for each in found] == [
        ("other", "delete", "ana"),
        ("report", "run", "ana"),
        ("other", "pause", "ana"),
        ("report", "edit", "bob"),
        ("other", "create", "ana"),
        ("report", "create", "ana"),
    ]
    assert [each.record.version for each in found] == [3, 2, 2, 2, 1, 1]
    assert [each.record.execution_id is not None for each in found] == [False, True, False, False, False, False]
    assert found[3].record.change.reason == "because"


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 7])
async def test_pages_of_any_length_hold_the_same_changes(store: StoreUnderTest, limit: int) -> None:
    await _two_tasks_and_their_changes(store)

    assert await _all(store, limit=limit) == await _all(store)


@pytest.mark.parametrize(
    ("which", "actions"),
    [
        (AuditFilter(actor="bob"), ["edit"]),
        (AuditFilter(actor="bo"), []),
        (AuditFilter(action=ChangeAction.CREATE), ["create", "create"]),
        (AuditFilter(task_id=TaskId("id-other")), ["delete", "pause", "create"]),
        (AuditFilter(since=NOON + 4 * MINUTE), ["delete", "run"]),
        (AuditFilter(until=NOON + MINUTE), ["create"]),
        (AuditFilter(since=NOON + MINUTE, until=NOON + 3 * MINUTE), ["edit", "create"]),
        (AuditFilter(actor="ana", action=ChangeAction.RUN, task_id=TaskId("id-report")), ["run"]),
        (AuditFilter(task_id=TaskId("nobody")), []),
    ],
    ids=lambda value: "" if isinstance(value, list) else str(value),
)
async def test_a_filter_leaves_what_meets_all_its_conditions(
    store: StoreUnderTest, which: AuditFilter, actions: list[str]
) -> None:
    await _two_tasks_and_their_changes(store)

    assert [each.record.change.action for each in await _all(store, which, limit=1)] == actions


async def test_what_is_changed_meanwhile_moves_no_page(store: StoreUnderTest) -> None:
    await _two_tasks_and_their_changes(store)
    expected = (await _all(store))[2:4]
    first = await store.history.audit(ANY, limit=2, cursor=None)

    await store.add(a_definition("new"))
    second = await store.history.audit(ANY, limit=2, cursor=first.next_cursor)

    assert list(second.entries) == expected


async def test_newest_is_what_was_recorded_last_though_the_clock_was_set_back(store: StoreUnderTest) -> None:
    await store.add()
    store.clock.step(-HOUR)
    await store.add(a_definition("other"))

    assert [each.task_name for each in await _all(store)] == ["other", "report"]


@pytest.mark.parametrize("cursor", ["", "x", "W10=", "WyJ0YXNrcyIsMSwiIl0=", "WyJhdWRpdCIsImEiLCIiXQ=="])
async def test_a_foreign_cursor_is_refused(store: StoreUnderTest, cursor: str) -> None:
    with pytest.raises(DomainError, match="cursor"):
        await store.history.audit(ANY, limit=1, cursor=cursor)


async def test_the_name_of_a_task_that_is_gone_is_empty_and_its_changes_stay(store: StoreUnderTest) -> None:
    await store.deleted(await store.add())
    store.clock.advance(timedelta(days=31))
    await store.history.prune(Retention(), limit=100)

    assert [_said(each) for each in await _all(store)] == [("", "delete", "ana"), ("", "create", "ana")]
