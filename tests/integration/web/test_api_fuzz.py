"""The API under fuzzing: whatever is sent, no answer says that we are broken, and each is one we have declared."""

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from domain.access.role import Role
from entrypoints.web.contract.openapi import openapi_document
from entrypoints.web.keys import SERVICES
from entrypoints.web.routes import ROUTES
from tests.integration.web.dashboard import PREFIX, Dashboard, serving
from tests.integration.web.door import LOGIN, PASSWORD
from tests.support.accounts import a_doer
from tests.support.builders import a_definition, a_failure

CASES = 2_000
CASES_IN_SOAK = 20_000
SECRET = "0123456789abcdef" * 4
CHECKS: list[Any] = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SCHEMA = schemathesis.openapi.from_dict(openapi_document(ROUTES, PREFIX))
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)}
SECONDS_MAX = 10
# It is asked whether somebody works here, and nobody does.
TELL_OF_TROUBLE = {"GET /api/health"}


@dataclass(frozen=True, slots=True)
class Target:
    """A server in a thread of its own, and a session that keeps its connection to it."""

    loop: asyncio.AbstractEventLoop
    over: asyncio.Event
    dashboard: Dashboard
    session: requests.Session
    statuses: set[int] = field(default_factory=set)

    def ask(self, case: "Case[Any]", ids: Mapping[str, str], *, real: bool) -> None:
        """Send a case as an admin does, perhaps about something that is there, and check the answer."""
        if real:
            case.path_parameters |= {name: ids[name] for name in case.path_parameters.keys() & ids.keys()}
        response = case.call(
            base_url=f"{self.dashboard.url}{PREFIX}",
            session=self.session,
            headers={"Authorization": f"Bearer {SECRET}"},
            timeout=10,
        )
        trouble: list[Any] = [not_a_server_error] if case.operation.label in TELL_OF_TROUBLE else []
        case.validate_response(response, checks=CHECKS, excluded_checks=trouble)
        self.statuses.add(response.status_code)

    def stock(self, *, is_deleted: bool) -> Mapping[str, str]:
        """Put something of each kind into the store; the ids of it."""
        return asyncio.run_coroutine_threadsafe(_stock(self.dashboard, is_deleted=is_deleted), self.loop).result(
            SECONDS_MAX
        )


async def _stock(dashboard: Dashboard, *, is_deleted: bool) -> Mapping[str, str]:
    """A task with three versions, an execution that died and one that runs, somebody, and a token of theirs."""
    name, store = dashboard.app[SERVICES].entropy.identifier(), dashboard.store
    task = await store.add(a_definition(name=name))
    dead = await store.started(task)
    await store.settle(dead, a_failure())
    await store.started(task)
    task = await store.described(await store.read(task), "changed")
    if is_deleted:
        await store.deleted(task)
    await dashboard.doors.users.add(a_doer("test"), name, PASSWORD, Role.EDITOR)
    token = await dashboard.doors.tokens.create(a_doer("test"), name, Role.VIEWER)
    return {
        "task_id": task.id,
        "execution_id": dead.execution.id,
        "version": "1",
        "name": name,
        "token_id": token.token.id,
    }


@pytest.fixture
def target() -> Iterator[Target]:
    """A server for each operation: what a case leaves behind is there for the next one to stumble over."""
    with ThreadPoolExecutor(1) as threads, requests.Session() as session:
        opened: Future[Target] = Future()
        served = threads.submit(asyncio.run, _serve(opened, session))
        found = opened.result(SECONDS_MAX)
        yield found
        found.loop.call_soon_threadsafe(found.over.set)
        served.result(SECONDS_MAX)


async def _serve(opened: "Future[Target]", session: requests.Session) -> None:
    async with serving(LOGIN, admin_token=SECRET) as dashboard:
        over = asyncio.Event()
        opened.set_result(Target(asyncio.get_running_loop(), over, dashboard, session))
        await over.wait()


@pytest.mark.parametrize("label", OPERATIONS)
def test_nothing_that_is_sent_breaks_it(target: Target, label: str) -> None:
    _fuzz(target, label, CASES // len(OPERATIONS) + 1, is_repeatable=True)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("label", OPERATIONS)
def test_nothing_that_is_sent_for_long_breaks_it(target: Target, label: str) -> None:
    _fuzz(target, label, CASES_IN_SOAK // len(OPERATIONS) + 1, is_repeatable=False)


def _examples(label: str) -> Iterator[tuple[Any, str]]:
    """The bodies the description shows, with their types: they lead to what chance seldom does."""
    method, path = label.split()
    content = openapi_document(ROUTES, PREFIX)["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
    for media_type, told in content.items():
        for example in told["examples"].values():
            yield example["value"], media_type


def _fuzz(target: Target, label: str, cases: int, *, is_repeatable: bool) -> None:
    ids = target.stock(is_deleted=label.endswith("/undelete"))
    for body, media_type in _examples(label):
        target.ask(OPERATIONS[label].Case(path_parameters=dict(ids), body=body, media_type=media_type), ids, real=True)
    for mode in GenerationMode:

        @settings(
            max_examples=max(1, cases // len(GenerationMode)),
            derandomize=is_repeatable,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # What fails tells itself what was sent: making it smaller would take more requests than finding it.
            phases=[Phase.generate],
        )
        @given(case=OPERATIONS[label].as_strategy(generation_mode=mode), real=st.booleans())
        def ask(case: "Case[Any]", real: bool) -> None:
            target.ask(case, ids, real=real)

        ask()
    assert label in TELL_OF_TROUBLE or min(target.statuses) < HTTPStatus.BAD_REQUEST, target.statuses
