"""The contract of `History.unserved`: which handlers living tasks ask for in vain."""

from application.scheduling.ports.history import AskedHandler
from domain.scheduling.task import Delivery
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import a_definition


async def test_what_tasks_ask_for_and_nobody_announces_is_told_most_wanted_first(store: StoreUnderTest) -> None:
    for name, task_type, handler in (
        ("one", "mail", "send"),
        ("two", "mail", "send"),
        ("send", "mail", None),
        ("served", "mail", "read"),
        ("any", "chores", "sweep"),
        ("zip", "files", None),
        ("zap", "files", None),
    ):
        await store.add(a_definition(name, task_type=task_type, handler=handler))
    await store.add(a_definition("theirs", task_type="foreign", delivery=Delivery.EXTERNAL))
    await store.deleted(await store.add(a_definition("gone", task_type="mail", handler="nowhere")))

    found = await store.history.unserved([("mail", "read"), ("chores", None), ("files", "zap")], limit=10)

    assert list(found) == [AskedHandler("mail", "send", 3), AskedHandler("files", "zip", 1)]
    assert list(await store.history.unserved([], limit=1)) == [AskedHandler("mail", "send", 3)]


async def test_without_tasks_nothing_is_asked_for(store: StoreUnderTest) -> None:
    assert list(await store.history.unserved([], limit=10)) == []
