"""The Dockerfile copies and installs only what exists and is sealed, and what it makes runs as nobody important."""

import json
import re
import shlex
from importlib import metadata

from entrypoints.cli.main import COMMANDS
from entrypoints.settings import ROLES
from tests.support.deployment import SETTINGS, instructions, last, serves
from tests.support.repository import ROOMS, ROOT


def test_the_image_comes_from_one_pinned_base_and_is_nobody_important() -> None:
    bases = [words.split(" ")[0] for name, words in instructions() if name == "FROM"]

    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", bases[0])
    assert last("USER") == "10001:10001"


def test_what_the_image_copies_exists_and_is_sent_to_its_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = [words.split() for name, words in instructions() if name == "COPY" and not words.startswith("--from")]
    sources = {source for *many, _ in copied for source in many}

    assert "*" in ignored
    assert sources == sent
    assert set(ROOMS) <= sources
    assert all((ROOT / source).exists() for source in sources)


def test_the_image_installs_nothing_without_its_hash() -> None:
    runs = [words for name, words in instructions() if name == "RUN"]
    installs = [step for words in runs for step in words.split("&&") if "pip install" in step]

    assert len(installs) == 3
    assert all("--require-hashes" in step or "--no-index" in step for step in installs)
    (tools,) = re.findall(r"\(([a-z|-]+)\)==", " ".join(runs))
    needed = {re.split(r"[^a-z0-9-]", each)[0] for each in metadata.requires("hatchling") or () if ";" not in each}
    assert set(tools.split("|")) == {"hatchling", *needed}


def test_the_image_is_given_settings_that_exist_and_no_secret() -> None:
    named = {pair.partition("=")[0] for name, words in instructions() if name == "ENV" for pair in shlex.split(words)}

    assert {name for name in named if name.startswith("SCHEDULER_")} <= SETTINGS
    assert not re.search(r"(?i)password|secret|token", (ROOT / "Dockerfile").read_text(encoding="utf-8"))


def test_the_image_hands_sigterm_to_the_service() -> None:
    entry, command = json.loads(last("ENTRYPOINT")), json.loads(last("CMD"))

    assert entry == ["peachpie-scheduler"]
    assert command[0] in COMMANDS
    assert serves(command) == ROLES
