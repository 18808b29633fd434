"""A store in which everything has happened that can: what a move must take along."""

from dataclasses import replace
from typing import Any

from application.scheduling.ports.access_trail import AccessFilter
from application.scheduling.ports.execution_store import Beat, LogLine, Progress, Settlement
from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.ports.task_store import Committed, Decision
from domain.scheduling.change import ChangeAction, Via
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.mutation import edit, pause
from domain.scheduling.outcome import HandedBack, Succeeded
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.runs import backfill, occurrences_to_backfill, redrive
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import Delivery, Quarantine, ScheduledTask
from entrypoints.stores import MovableStores
from tests.conformance.ends import MovedStore
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.accounts import TESTER, a_token, add_ana_and_bob
from tests.support.builders import DAY, HOUR, MINUTE, SECOND, a_change, a_creation, a_definition, a_failure, a_pause

ALLOW = ExecutionPolicy(overlap=Overlap.ALLOW)
QUEUE = ExecutionPolicy(overlap=Overlap.QUEUE_ONE)
DEFAULT_KEY = "default:removed"


async def live(store: StoreUnderTest, stores: MovableStores) -> None:
    """Let everything happen in an empty store."""
    await _ends(store)
    await _open_work(store)
    await _changes(store)
    await add_ana_and_bob(store.access)
    await store.access.add_token("digest", a_token(owner="ana"), by=TESTER)
    await store.access.add_token("other digest", a_token("robot"), by=TESTER)
    await store.tasks.keep_tzdata("2026a")
    await stores.holds.hold("moving", by=TESTER)


async def go_on(store: StoreUnderTest, number: int) -> None:
    """One more round of everyday life, each as many records as the last."""
    task = await store.tasks.get(TaskId("id-ends"))
    assert isinstance(task, ScheduledTask)
    await store.fired(task)
    claim = await store.claim()
    await store.described(await store.read(task), f"round {number}")
    told = (LogLine(store.clock.now(), "info", f"round {number}"),)
    await store.executions.settle([Settlement(claim.execution.id, claim.token, Succeeded(), log=told)])
    await store.run_now(task, key=f"round {number}")
    await store.deleted(await store.add(a_definition(f"round {number}")))


async def _ends(store: StoreUnderTest) -> None:
    """Executions that ended in every way, with attempts, logs and figures; Skips of what was passed over meanwhile."""
    task = await store.add(a_definition("ends", payload_json='{"größe": "\\u0001"}', policy=ALLOW))
    told = (LogLine(store.clock.now(), "info", "begins"), LogLine(store.clock.now(), "error", "größer, ﬁ, 𝕏"))
    claim = await store.started(task)
    await store.executions.heartbeat(WORKER, [Beat(claim.execution.id, claim.token, Progress(1, 3, "a third"), told)])
    store.clock.advance(SECOND)
    await store.executions.settle([Settlement(claim.execution.id, claim.token, Succeeded('{"n":1}'), log=told)])
    claim = await store.started(task)
    await store.settle(claim, a_failure(retry_at=store.clock.now() + SECOND))
    store.clock.advance(2 * SECOND)
    await store.executions.release_due(10)
    claim = await store.claim()
    await store.settle(claim, a_failure())
    dead = (await store.record(claim.execution.id)).summary.execution
    change = a_change(ChangeAction.REDRIVE, at=store.clock.now())
    await store.applied(redrive(await store.read(task), dead, change, allow_overlap=True))
    await store.settle(await store.claim(), HandedBack())
    await store.settle(await store.claim())
    await store.run_now(task, key="by hand", payload_json='{"other":true}')
    await store.settle(await store.claim())


async def _open_work(store: StoreUnderTest) -> None:
    """Executions in every open state, and one that is asked to stop."""
    queued = await store.add(a_definition("queued", policy=QUEUE))
    running = await store.started(queued)
    await store.executions.heartbeat(WORKER, [Beat(running.execution.id, running.token, Progress(2, 3))])
    await store.fired(queued)
    retried = await store.add(a_definition("retried", task_type="other"))
    await store.settle(await store.started(retried), a_failure(retry_at=store.clock.now() + DAY))
    asked = await store.add(a_definition("asked to stop"))
    claim = await store.started(asked)
    await store.executions.cancel(claim.execution.id, a_change(ChangeAction.CANCEL, at=store.clock.now()))
    past = await store.add(a_definition("backfilled", policy=ALLOW))
    store.clock.advance(HOUR)
    await store.fired(past)
    now = store.clock.now()
    occurrences = occurrences_to_backfill(past, now - 3 * MINUTE, now, now)
    change = a_change(ChangeAction.BACKFILL, at=now)
    await store.applied(backfill(await store.read(past), occurrences, change, key="past", allow_overlap=True))
    external = await store.add(a_definition("external", delivery=Delivery.EXTERNAL, policy=ALLOW))
    await store.fired(external)


async def _changes(store: StoreUnderTest) -> None:
    """Tasks that were edited, renamed, paused, quarantined, deleted; one has another's old name, one was a default."""
    edited = await store.add(a_definition("edited"))
    renamed = await store.described(edited, "once more")
    change = a_change(at=store.clock.now(), key="renaming")
    await store.applied(edit(renamed, replace(renamed.definition, name="renamed"), change))
    await store.applied(a_creation(a_definition("edited"), at=store.clock.now(), task_id="id-second"))
    paused = await store.add(a_definition("paused"))
    now = store.clock.now()
    until = a_pause(at=now, until=now + DAY)
    await store.applied(pause(paused, until, a_change(ChangeAction.PAUSE, at=now)))
    broken = await store.add(a_definition("broken"))
    (answer,) = await store.tasks.commit_firings([Decision(broken, Quarantine("no such zone", now + DAY))])
    assert answer == Committed()
    await store.add(a_definition("once", schedule=OneTimeSchedule(now + DAY)))
    default = a_creation(a_definition("removed"), at=now, key=DEFAULT_KEY)
    created = await store.applied(replace(default, change=replace(default.change, via=Via.SYSTEM)))
    await store.deleted(created)


async def seen(moved: MovedStore) -> dict[str, Any]:
    """What the ports of a store tell that must be the same in its copy."""
    store, stores = moved.steps, moved.stores
    tasks = [each for each in await store.tasks.scan(after=None, limit=100) if isinstance(each, ScheduledTask)]
    page = await store.history.executions(ExecutionFilter(), limit=1_000, cursor=None)
    ids = [ExecutionId(each.execution.id) for each in page.executions]
    chain = await store.trail.stretch(0, limit=100)
    since, until = store.clock.now() - DAY, store.clock.now() + DAY
    return {
        "tasks": tasks,
        "by name": [await store.tasks.find(each.definition.name) for each in tasks],
        "executions": page.executions,
        "backlog": await store.figures.backlog(),
        "records": [await store.history.execution(each) for each in ids],
        "changes": [list(await store.history.changes(each.id, limit=100)) for each in tasks],
        "versions": [list(await store.history.versions(each.id, limit=100)) for each in tasks],
        "skips": [list(await store.history.skips(each.id, limit=100)) for each in tasks],
        "deleted": await store.tasks.deleted(TaskId("id-removed")),
        "default": await store.tasks.replay(DEFAULT_KEY, ""),
        "renaming": await store.tasks.replay("renaming", ""),
        "hours": [str(each) for each in await store.figures.hours(since=since, until=until)],
        "users": list(await store.access.users()),
        "account": await store.access.account("ana"),
        "tokens": list(await store.access.tokens()),
        "records of access": (await store.trail.page(AccessFilter(), limit=100)).records,
        "chain": (tuple(chain.records), chain.anchor, chain.head),
        "tzdata": await store.tasks.tzdata(),
        "hold": await stores.holds.current(),
    }
