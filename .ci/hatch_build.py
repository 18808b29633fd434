"""How the wheel is made: the four rooms become `peachpie_scheduler.*`, so that a host may have a `domain` of its own.

In the repository the rooms are top-level packages. The wheel holds the same files under one package; only the
absolute imports of the rooms differ, each prefixed in place, so that line numbers in tracebacks agree with the source.
"""

import ast
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "peachpie_scheduler"
ROOMS = ("domain", "application", "adapters", "entrypoints")
DOCSTRING = "PeachPie's task scheduler, as installed into a host application."


class EmbeddingWheelHook(BuildHookInterface[BuilderConfig]):
    """Give hatchling every file of the wheel; nothing else is selected (pyproject.toml, `bypass-selection`)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Stage the rooms, imports prefixed. Raises ValueError for an editable build or an import it refuses."""
        if version == "editable":
            raise ValueError("An editable wheel would be a stale copy; run the repository itself instead.")
        self.staging = Path(tempfile.mkdtemp(prefix="wheel-"))
        package = self.staging / PACKAGE
        for room in ROOMS:
            stage_room(Path(self.root) / room, package / room)
        (package / "__init__.py").write_text(f'"""{DOCSTRING}"""\n', encoding="utf-8")
        (package / "py.typed").touch()
        staged = sorted(path for path in package.rglob("*") if path.is_file())
        build_data["force_include"].update({str(path): path.relative_to(self.staging).as_posix() for path in staged})

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was staged."""
        shutil.rmtree(self.staging)


def stage_room(source: Path, target: Path) -> None:
    """Copy a room, templates and scripts included, and prefix the imports of its modules."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.py[co]", ".*"))
    for module in target.rglob("*.py"):
        module.write_bytes(prefix_rooms(module.read_bytes(), str(source / module.relative_to(target))))


def prefix_rooms(source: bytes, filename: str) -> bytes:
    """Return `source` with each absolute import of a room prefixed; strings and comments stay as they are.

    Raises ValueError for an import that cannot be prefixed in place: `import domain.x` without `as` binds the bare
    name of the room, which does not exist in the wheel.
    """
    lines = source.splitlines(keepends=True)
    # From the back, so that an insertion never moves a place still to come.
    for line, column in sorted(room_positions(ast.parse(source, filename), filename), reverse=True):
        text = lines[line - 1]
        if not text[column:].startswith(tuple(room.encode() for room in ROOMS)):
            raise ValueError(f"{filename}:{line}: write the import of a room in the formatter's shape")
        lines[line - 1] = text[:column] + f"{PACKAGE}.".encode() + text[column:]
    return b"".join(lines)


def room_positions(tree: ast.Module, filename: str) -> Iterator[tuple[int, int]]:
    """Yield the line and the UTF-8 column at which the name of a room stands in an import."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), level=0) if is_room(module):
                yield node.lineno, node.col_offset + len("from ")
            case ast.Import(names=names):
                for name in names:
                    if is_room(name.name) and name.asname is None:
                        raise ValueError(f"{filename}:{name.lineno}: import {name.name} needs `as`, or use `from`")
                    if is_room(name.name):
                        yield name.lineno, name.col_offset


def is_room(module: str) -> bool:
    """Tell whether a dotted module name starts with one of the rooms."""
    return module.partition(".")[0] in ROOMS
