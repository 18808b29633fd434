"""Giving up messages: exactly what was counted, with a reason, or nothing."""

import pytest

from application.scheduling.services.discard_messages import DiscardMessages, FewerMessagesError
from domain.access.record import AccessAction
from domain.errors import InvalidTaskError
from tests.support.accounts import a_doer
from tests.support.outboxes import ListedOutbox, a_message

BY = a_doer("ana")


def an_outbox() -> ListedOutbox:
    return ListedOutbox([a_message(1), a_message(2, "other"), a_message(3), a_message(4)])


async def test_the_oldest_of_a_type_are_given_up_and_that_is_on_record() -> None:
    outbox = an_outbox()

    gone = await DiscardMessages(outbox).discard(2, task_type="mail", reason=" gone for good ", by=BY)

    assert gone == ["e1", "e3"]
    assert [each.execution_id for each in outbox.messages] == ["e2", "e4"]
    (deed,) = outbox.record
    assert (deed.by, deed.action, deed.subject) == (BY, AccessAction.MESSAGES_DISCARDED, "mail")
    assert deed.detail == "2: gone for good"


@pytest.mark.parametrize(("task_type", "told"), [(None, "4 messages wait, not 5"), ("other", "1 messages wait, not 5")])
async def test_fewer_than_were_counted_are_kept(task_type: str | None, told: str) -> None:
    outbox = an_outbox()

    with pytest.raises(FewerMessagesError, match=told):
        await DiscardMessages(outbox).discard(5, task_type=task_type, reason="r", by=BY)

    assert (len(outbox.messages), outbox.record) == (4, [])


@pytest.mark.parametrize("reason", ["", "  ", "r" * 201])
async def test_without_a_reason_nothing_is_given_up(reason: str) -> None:
    outbox = an_outbox()

    with pytest.raises(InvalidTaskError):
        await DiscardMessages(outbox).discard(1, task_type=None, reason=reason, by=BY)

    assert (len(outbox.messages), outbox.record) == (4, [])
