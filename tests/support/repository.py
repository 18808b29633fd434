"""The repository as tests see it: where it is, which rooms it has, and which files belong to it."""

import ast
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("domain", "application", "adapters", "entrypoints")


@cache
def repository_files() -> tuple[Path, ...]:
    """Return every file that is committed, or would be by `git add .`, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = {Path(name) for name in listed.split("\0") if name}
    return tuple(sorted(path for path in paths if (ROOT / path).is_file()))


def modules(room: str) -> Iterator[tuple[Path, ast.Module]]:
    """Yield each module of a room with its syntax tree; the path is relative to the root."""
    for path in sorted((ROOT / room).rglob("*.py")):
        yield path.relative_to(ROOT), ast.parse(path.read_bytes(), str(path))


def imported_modules(tree: ast.Module) -> Iterator[str]:
    """Yield the name of every module that is imported absolutely, wherever in the module the import stands."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module


def missing(what: str) -> NoReturn:
    """Skip the test for want of something; in continuous integration, where nothing may be missing, fail it."""
    is_required = os.environ.get("CI", "").lower() in ("1", "true")  # noqa: TID251 - the tests' own
    (pytest.fail if is_required else pytest.skip)(what)


def shared_data() -> Path:
    """The folder of captured activities and known instances; skips the test where there is none."""
    folder = Path(os.environ.get("SHARED_DATA") or ROOT.parent / "shared" / "data")  # noqa: TID251 - the test's own
    if not folder.is_dir():
        pytest.skip(f"no captured data at {folder}")
    return folder
