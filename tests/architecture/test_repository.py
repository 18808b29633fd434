"""What the repository may hold: a fixed top level, sealed locks, and nothing of the machine it was written on."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.support.repository import ROOT, repository_files

TOP_LEVEL = frozenset({
    "domain", "application", "adapters", "entrypoints", "tests", "docs",
    "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "Makefile",
    "Dockerfile", "docker-compose.yml", "requirements.txt", "requirements-dev.txt",
    ".ci", ".dockerignore", ".editorconfig", ".gitattributes", ".gitignore", ".pre-commit-config.yaml",
})  # fmt: skip
LOCKS = ("requirements.txt", "requirements-dev.txt")
PEERS_LOCKS = tuple(path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/benchmarks/peers/*.txt"))
HASH = r"\\\n    --hash=sha256:[0-9a-f]{64}"
ENTRY = re.compile(rf"(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)( ; [^\\]+)?( {HASH})+\n")
# First folders of absolute paths that name a person's or a build machine's place.
MACHINE_FOLDERS = ("home", "mnt", "root", "Users", "work", "workspace")
MACHINE_PATH = re.compile(rf"(?<![\w.$\{{}}/-])/(?:{'|'.join(MACHINE_FOLDERS)})/\w")


def locked(lock: str) -> dict[str, str]:
    """Return the version of each package of a lock."""
    return {entry["name"]: entry["version"] for entry in ENTRY.finditer((ROOT / lock).read_text(encoding="utf-8"))}


def text_of(path: Path) -> str:
    """Return the text of a file of the repository; empty for a binary one."""
    content = (ROOT / path).read_bytes()
    return "" if b"\0" in content else content.decode("utf-8")


def test_the_top_level_holds_what_the_design_lists_and_nothing_else() -> None:
    assert {path.parts[0] for path in repository_files()} <= TOP_LEVEL


@pytest.mark.parametrize("lock", [*LOCKS, *sorted(PEERS_LOCKS)])
def test_a_lock_is_versions_and_hashes_and_nothing_else(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")

    assert locked(lock)
    assert ENTRY.sub("", text) == ""
    assert "://" not in text


def test_the_locks_agree() -> None:
    assert locked(LOCKS[0]).items() <= locked(LOCKS[1]).items()


def test_every_declared_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = re.compile(r"[a-z0-9-]+")

    for lock, declared in zip(
        LOCKS, [project["project"]["dependencies"], project["dependency-groups"]["dev"]], strict=True
    ):
        assert {match[0] for item in declared if (match := names.match(item))} <= locked(lock).keys()


def test_no_file_names_a_place_on_a_machine() -> None:
    found = {path.as_posix() for path in repository_files() if MACHINE_PATH.search(text_of(path))}

    assert found == set()


@pytest.mark.parametrize("folder", MACHINE_FOLDERS)
def test_a_place_on_a_machine_is_recognised(folder: str) -> None:
    assert MACHINE_PATH.search(f'open("/{folder}/main/file")')
    assert not MACHINE_PATH.search(f"see docs/{folder}/main and https://host/{folder}/main")
