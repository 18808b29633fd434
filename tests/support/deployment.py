"""The files by which the service is deployed, as those who read them would: composed, and command by command."""

import re
from functools import cache
from typing import Any

import yaml  # type: ignore[import-untyped]

from entrypoints.scheduler import main as serve
from entrypoints.settings import ROLES, Settings
from tests.support.repository import ROOT

SETTINGS = frozenset(name.upper() for name in Settings.model_fields)
# The grace of the service, what it takes to hand back, and some seconds to leave.
STOP_SECONDS_MIN = 20 + 7 + 3
_VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")


@cache
def compose() -> dict[str, Any]:
    """The whole docker-compose.yml; where it names a variable of the shell, with the default that stands there."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(_VARIABLE.sub(r"\2", text)))


def services() -> dict[str, dict[str, Any]]:
    """Its services by their names."""
    return dict(compose()["services"])


def environment(service: str) -> dict[str, str]:
    """What a service is started with; what is empty there is as good as unset."""
    given = services()[service].get("environment", {})
    return {name: str(value) for name, value in given.items() if value is not None}


def instructions() -> list[tuple[str, str]]:
    """What the Dockerfile says, each instruction with its words, in order."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in lines if line]


def last(instruction: str) -> str:
    """The words of an instruction of the Dockerfile where it stands last."""
    return [words for name, words in instructions() if name == instruction][-1]


def serves(arguments: list[str]) -> frozenset[str]:
    """The roles that a command of `peachpie-scheduler` asks for; fails if it is none that serves."""
    assert arguments[0] == "serve"
    roles = serve.make_context("serve", arguments[1:]).params["roles"]
    return frozenset(roles.split(",")) if roles else ROLES
