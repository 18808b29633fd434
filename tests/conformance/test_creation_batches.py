"""Many tasks created in one call: answered as the reference answers, which reads before it decides, and as it looks.

Ids, names and keys are few, so that most batches meet some that are there, and some that meet each other.
"""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.scheduling.ports.task_store import Applied, MutateAnswer, Replayed
from domain.scheduling.change import ChangeAction
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import Mutation, delete, pause
from tests.conformance.machine import Pair
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import a_change, a_creation, a_definition, a_pause
from tests.support.manual_clock import NOON

IDS = ("task-1", "task-2", "task-3", "task-4")
NAMES = ("report", "digest", "backup", "cleanup")
AHEAD = timedelta(milliseconds=3)


def _made(task_id: str, name: str, key: str | None, body_hash: str, ahead: timedelta, is_paused: bool) -> Mutation:
    creation = a_creation(a_definition(name), task_id=task_id, key=key, body_hash=body_hash, at=NOON + ahead)
    if not is_paused:
        return creation
    return creation.then(pause(creation.after, a_pause(at=NOON + ahead), a_change(ChangeAction.PAUSE, at=NOON + ahead)))


creations = st.builds(
    _made,
    st.sampled_from(IDS),
    st.sampled_from(NAMES),
    st.sampled_from((None, None, "first", "second")),
    st.sampled_from(("", "other")),
    st.sampled_from((*[timedelta(0)] * 8, AHEAD)),
    st.booleans(),
)
batches = st.lists(st.tuples(st.lists(creations, min_size=1, max_size=5), st.booleans()), min_size=1, max_size=4)


@pytest.mark.parametrize("backend", ["sqlite", "redis", "postgres"])
@settings(max_examples=20, deadline=None)
@given(found=batches)
def test_a_batch_of_creations_is_answered_as_if_it_had_been_read_for(
    backend: str, found: list[tuple[list[Mutation], bool]]
) -> None:
    with closing(Pair(backend)) as pair:
        pair.open()
        for batch, deletes in found:
            pair.both(partial(_carried_out, batch))
            tasks = pair.compare()
            if deletes and tasks:
                pair.both(partial(_carried_out, [delete(tasks[0], a_change(ChangeAction.DELETE))]))
        pair.compare_records([TaskId(each) for each in IDS])


async def test_a_creation_beside_its_like_is_judged_by_what_is_there(store: StoreUnderTest) -> None:
    """Of two in one call, the second would be refused for the first, had it not been carried out before."""
    known = a_creation(a_definition("known"), key="known")
    await store.applied(known)
    new, again = a_creation(a_definition("new")), replace(a_creation(a_definition("new")), change=known.change)

    answers = await store.tasks.mutate([new, again])

    assert (type(answers[0]), answers[1]) == (Applied, Replayed(known.after.id, 1, None))


async def _carried_out(mutations: list[Mutation], store: StoreUnderTest) -> list[MutateAnswer]:
    return list(await store.tasks.mutate(mutations))
