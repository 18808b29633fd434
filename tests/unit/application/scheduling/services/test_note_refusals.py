"""Refusals on record: the first of its kind, then the tenth, and never more than strangers may make us write."""

from datetime import timedelta

import pytest

from adapters.memory import open_memory_store
from application.scheduling.ports.access_trail import AccessFilter
from application.scheduling.services.note_refusals import RECORDS_MAX, NoteRefusals, Refusal
from domain.access.events import CredentialRefused, PermissionRefused, SignInDelayed, SignInFailed
from domain.access.role import Role
from domain.scheduling.change import Via
from tests.support.doors import RecordingAccessLog
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy


class Gate:
    """Refusals one after the other, and what was recorded of them."""

    def __init__(self) -> None:
        self.clock, self.log = ManualClock(), RecordingAccessLog()
        self.told: list[tuple[str, str, str, str]] = []

    async def refuse(
        self, *refusals: Refusal, then_wait: timedelta = timedelta(0), again: Refusal | None = None
    ) -> None:
        async with open_memory_store(self.clock, CountingEntropy()) as stores:
            note = NoteRefusals(stores.trail, self.clock, self.log)
            for each in refusals:
                await note.run(each)
            self.clock.advance(then_wait)
            if again is not None:
                await note.run(again)
            records = (await stores.trail.page(AccessFilter(), limit=1_000)).records
        self.told = [
            (each.deed.action, each.deed.by.address, each.deed.subject, each.deed.detail) for each in reversed(records)
        ]


@pytest.fixture
def gate() -> Gate:
    return Gate()


async def test_each_kind_is_told_with_what_is_known(gate: Gate) -> None:
    await gate.refuse(
        SignInFailed("ana", "192.0.2.1"),
        SignInFailed(None, "192.0.2.1"),
        SignInDelayed("192.0.2.1"),
        CredentialRefused("192.0.2.1"),
        PermissionRefused("bob", Role.VIEWER, "POST", "/admin/scheduler/users", "192.0.2.1", Via.PAGE),
    )

    assert gate.told == [
        ("sign_in_failed", "192.0.2.1", "ana", ""),
        ("sign_in_failed", "192.0.2.1", "", ""),
        ("sign_in_delayed", "192.0.2.1", "", ""),
        ("token_refused", "192.0.2.1", "", ""),
        ("permission_refused", "192.0.2.1", "bob", "POST /admin/scheduler/users as viewer"),
    ]


async def test_repetitions_are_told_at_every_power_of_ten_and_logged_each_time(gate: Gate) -> None:
    await gate.refuse(*[CredentialRefused("192.0.2.1")] * 250)

    assert [detail for *_, detail in gate.told] == ["", "for the 10th time this hour", "for the 100th time this hour"]
    assert len(gate.log.events) == 250


async def test_addresses_of_one_network_are_one_sender(gate: Gate) -> None:
    await gate.refuse(*(CredentialRefused(f"2001:db8::{number:x}") for number in range(1, 9)))

    assert [address for _, address, *_ in gate.told] == ["2001:db8::1"]


async def test_of_one_event_there_are_so_many_an_hour_and_others_are_not_kept_out_by_it(gate: Gate) -> None:
    await gate.refuse(
        *(CredentialRefused(f"198.51.100.{number}") for number in range(200)),
        PermissionRefused("bob", Role.VIEWER, "GET", "/x", "192.0.2.1"),
    )

    assert len(gate.told) == RECORDS_MAX + 1
    assert gate.told[RECORDS_MAX - 1][-1] == "further ones of this hour are in the log alone"
    assert gate.told[-1][0] == "permission_refused"


async def test_another_hour_begins_anew(gate: Gate) -> None:
    failed = SignInFailed("ana", "192.0.2.1")
    await gate.refuse(failed, failed, then_wait=timedelta(hours=1), again=failed)

    assert len(gate.told) == 2


async def test_a_long_path_leaves_room_for_the_rest(gate: Gate) -> None:
    await gate.refuse(*[PermissionRefused("bob", Role.VIEWER, "GET", "/" + "x" * 5_000, "192.0.2.1")] * 10)

    first, tenth = (detail for *_, detail in gate.told)
    assert first.endswith("as viewer")
    assert tenth == f"{first}, for the 10th time this hour"
