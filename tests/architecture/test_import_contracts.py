"""Each import contract of pyproject.toml fails when it is broken, shown on a small house of the same shape."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.repository import ROOT

LINT_IMPORTS = str(Path(sys.executable).with_name("lint-imports"))

INWARDS = "Imports point inwards"
STEPS = "Tasks use services, services use processors and ports, never the reverse"
CONTEXTS = "Scheduling never imports fediverse"
PURE_DOMAIN = "The domain is pure"
PURE_APPLICATION = "The application speaks to the world through ports only"
SEPARATE_ADAPTERS = "Adapters do not know each other"
ONE_CONTAINER = "Only the container names adapters"
NO_CYCLES = "No cycles"

# A module of the small house and what it imports; every contract is kept.
HOUSE = {
    "domain.errors": "",
    "domain.scheduling.cron.zone": "from importlib.resources import files",
    "domain.scheduling.task": "from domain.errors import __name__",
    "domain.fediverse.breaker": "from domain.errors import __name__",
    "application.scheduling.ports.clock": "from domain.scheduling.task import __name__",
    "application.scheduling.processors": "from application.scheduling.ports.clock import __name__",
    "application.scheduling.services.dispatch_due": "from application.scheduling.processors import __name__",
    "application.scheduling.services.prune_history": "from application.scheduling.ports.clock import __name__",
    "application.fediverse.ports.content": "from domain.fediverse.breaker import __name__",
    "application.fediverse.tasks.purge": "from application.fediverse.ports.content import __name__",
    "adapters.system.clock": "from application.scheduling.ports.clock import __name__",
    "adapters.memory.task_store": "from application.scheduling.ports.clock import __name__",
    "adapters.sql.engine": "import sqlalchemy",
    "adapters.sql.store.task_store": "from adapters.sql.engine import __name__",
    "adapters.telemetry.log_observer": "import structlog",
    "entrypoints.settings": "import os",
    "entrypoints.clock": "from adapters.system.clock import __name__",
    "entrypoints.server_profile": "from adapters.system.clock import __name__",
    "entrypoints.redis_profile": "from entrypoints.server_profile import __name__",
    "entrypoints.postgres_profile": "from entrypoints.server_profile import __name__",
    "entrypoints.profiles": "from entrypoints.postgres_profile import __name__",
    "entrypoints.container": "from adapters.sql.store.task_store import __name__",
    "entrypoints.worker": "from entrypoints.container import __name__",
}

# The contract, the module that breaks it and the line it breaks it with.
VIOLATIONS = [
    (INWARDS, "domain.scheduling.task", "from application.scheduling.ports.clock import __name__"),
    (INWARDS, "application.scheduling.ports.clock", "from entrypoints.settings import __name__"),
    (STEPS, "application.scheduling.ports.clock", "from application.scheduling.processors import __name__"),
    (STEPS, "application.scheduling.processors", "from application.scheduling.services.prune_history import __name__"),
    (STEPS, "application.fediverse.ports.content", "from application.fediverse.tasks.purge import __name__"),
    (STEPS, "application.scheduling.helpers", ""),
    (CONTEXTS, "application.scheduling.processors", "from application.fediverse.ports.content import __name__"),
    (CONTEXTS, "domain.scheduling.task", "from domain.fediverse.breaker import __name__"),
    (PURE_DOMAIN, "domain.scheduling.task", "import asyncio"),
    (PURE_DOMAIN, "domain.scheduling.task", "import time"),
    (PURE_DOMAIN, "domain.scheduling.task", "from random import Random"),
    (PURE_DOMAIN, "domain.scheduling.cron.zone", "from os import path"),
    (PURE_DOMAIN, "domain.errors", "import logging"),
    (PURE_DOMAIN, "domain.scheduling.task", "import croniter"),
    (PURE_APPLICATION, "application.scheduling.services.dispatch_due", "import redis.asyncio"),
    (PURE_APPLICATION, "application.scheduling.services.dispatch_due", "import structlog"),
    (PURE_APPLICATION, "application.fediverse.tasks.purge", "from sqlalchemy import select"),
    (PURE_APPLICATION, "application.scheduling.ports.clock", "from dependency_injector import containers"),
    (SEPARATE_ADAPTERS, "adapters.memory.task_store", "from adapters.system.clock import __name__"),
    (ONE_CONTAINER, "entrypoints.worker", "from adapters.memory.task_store import __name__"),
    (NO_CYCLES, "adapters.sql.engine", "from adapters.sql.store.task_store import __name__"),
    (NO_CYCLES, "domain.errors", "from domain.scheduling.task import __name__"),
]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Build the small house under the real contracts."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for module, line in HOUSE.items():
        plant(tmp_path, module, line)
    return tmp_path


def plant(house: Path, module: str, line: str) -> None:
    """Append a line to a module of the house, which is made, with its packages, if it is not there."""
    path = house.joinpath(*module.split(".")).with_suffix(".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    for package in path.parents[: module.count(".")]:
        (package / "__init__.py").touch()
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def broken_contracts(house: Path) -> set[str]:
    """Return the names of the contracts that lint-imports calls broken."""
    command = [LINT_IMPORTS, "--no-cache", "--no-logo"]
    outcome = subprocess.run(command, cwd=house, check=False, capture_output=True, text=True)
    verdicts = [line.strip() for line in outcome.stdout.splitlines() if line.endswith((" KEPT", " BROKEN"))]
    broken = {line.removesuffix(" BROKEN") for line in verdicts if line.endswith(" BROKEN")}
    assert verdicts, outcome.stdout + outcome.stderr
    assert (outcome.returncode == 0) == (not broken)
    return broken


def test_the_small_house_keeps_every_contract(house: Path) -> None:
    assert broken_contracts(house) == set()


@pytest.mark.parametrize(("contract", "module", "line"), VIOLATIONS)
def test_a_violation_breaks_its_contract(house: Path, contract: str, module: str, line: str) -> None:
    plant(house, module, line)

    assert contract in broken_contracts(house)


def test_every_contract_has_a_violation_that_breaks_it() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

    assert {contract["name"] for contract in contracts} == {contract for contract, _, _ in VIOLATIONS}
