"""What ended before there were figures is counted as if it ended now."""

from sqlalchemy import delete, select

from adapters.sql.store import SqlStore
from adapters.sql.store.migrations.versions.v0004_figures import counting
from adapters.sql.store.tables import finished
from application.scheduling.ports.execution_store import Settlement
from domain.scheduling.change import ChangeAction
from domain.scheduling.identifiers import ClaimToken, NodeId
from domain.scheduling.outcome import Outcome, Stopped, Succeeded
from domain.scheduling.runs import run_now
from tests.support.builders import DAY, MINUTE, SECOND, a_change, a_creation, a_definition, a_failure
from tests.support.manual_clock import NOON, ManualClock

ENDS: tuple[tuple[str, Outcome, int], ...] = (
    ("mail", Succeeded(), 1),
    ("mail", Succeeded(), 3_000),
    ("billing", a_failure(), 61),
    ("billing", Stopped(), 5),
    ("billing", a_failure(retry_at=NOON + DAY), 5),
)


async def _lived(store: SqlStore, clock: ManualClock) -> None:
    """Let executions end in every way, over more than an hour."""
    for number, (task_type, outcome, seconds) in enumerate(ENDS):
        creation = a_creation(a_definition(f"task {number}", task_type=task_type), at=clock.now())
        await store.tasks.mutate([creation])
        change = a_change(ChangeAction.RUN, at=clock.now())
        await store.tasks.mutate([run_now(creation.after, change, key=f"run {number}")])
        (claim,) = await store.executions.claim(NodeId("worker"), [ClaimToken(f"token {number}")])
        clock.advance(seconds * SECOND)
        await store.executions.settle([Settlement(claim.execution.id, claim.token, outcome)])
        clock.advance(20 * MINUTE)


async def test_what_ended_before_is_counted_by_the_migration(store: SqlStore, clock: ManualClock) -> None:
    await _lived(store, clock)
    everything = select(finished).order_by(*finished.primary_key)

    async with store.database.writing("count again") as connection:
        as_it_ended = (await connection.execute(everything)).all()
        await connection.execute(delete(finished))
        await connection.execute(counting())
        as_migrated = (await connection.execute(everything)).all()

    assert as_migrated == as_it_ended
    assert len(as_it_ended) == 4
    assert len({row.hour for row in as_it_ended}) == 2
