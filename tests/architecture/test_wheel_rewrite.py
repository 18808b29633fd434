"""The rooms are written so that the wheel can rename them, and the rewrite changes imports and nothing else."""

import ast
import importlib.util
import re
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from tests.support.repository import ROOMS, ROOT, imported_modules, modules

MODULE_NAME = re.compile(rf"\b(?:{'|'.join(ROOMS)})(?:\.[a-z_]\w*)+")


def build_hook() -> ModuleType:
    """Load the build hook, which lives outside every package."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / ".ci" / "hatch_build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def prefixed() -> Callable[[str], str]:
    """Return the rewrite, from source to source."""
    hook = build_hook()
    return lambda source: hook.prefix_rooms(source.encode(), "module.py").decode()


REWRITES = [
    ("from domain import errors\n", "from peachpie_scheduler.domain import errors\n"),
    ("from domain.a.b import c as d\n", "from peachpie_scheduler.domain.a.b import c as d\n"),
    ("import adapters.sql as sql\n", "import peachpie_scheduler.adapters.sql as sql\n"),
    ("import os, application.x as x, sys\n", "import os, peachpie_scheduler.application.x as x, sys\n"),
    ("from domain.a import (\n    b,\n    c,\n)\n", "from peachpie_scheduler.domain.a import (\n    b,\n    c,\n)\n"),
    (
        "if TYPE_CHECKING:\n    from entrypoints.web.app import App\n",
        "if TYPE_CHECKING:\n    from peachpie_scheduler.entrypoints.web.app import App\n",
    ),
    ("def f():\n    from domain.a import b\n", "def f():\n    from peachpie_scheduler.domain.a import b\n"),
    ('é = "ü"; from domain.a import b\n', 'é = "ü"; from peachpie_scheduler.domain.a import b\n'),
    ("from domain.a import b\r\nx = 1\r\n", "from peachpie_scheduler.domain.a import b\r\nx = 1\r\n"),
    ('"""\nfrom domain.a import b\n"""\n', '"""\nfrom domain.a import b\n"""\n'),
    ("# from domain.a import b\n", "# from domain.a import b\n"),
    ("from domains.a import b\nimport domain_x\n", "from domains.a import b\nimport domain_x\n"),
    ("from . import domain\nfrom .domain import a\n", "from . import domain\nfrom .domain import a\n"),
    ("from host.domain import a\ndomain.a = 1\n", "from host.domain import a\ndomain.a = 1\n"),
]


@pytest.mark.parametrize(("source", "expected"), REWRITES)
def test_only_the_absolute_imports_of_rooms_are_prefixed(
    prefixed: Callable[[str], str], source: str, expected: str
) -> None:
    assert prefixed(source) == expected


@pytest.mark.parametrize("source", ["import domain.a\n", "import os, domain\n", "from  domain.a import b\n"])
def test_an_import_that_cannot_be_prefixed_in_place_is_refused(prefixed: Callable[[str], str], source: str) -> None:
    with pytest.raises(ValueError, match=r"module\.py:1"):
        prefixed(source)


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_of_a_room_can_be_rewritten(prefixed: Callable[[str], str], room: str) -> None:
    for path, _ in modules(room):
        rewritten = ast.parse(prefixed((ROOT / path).read_text(encoding="utf-8")))

        assert not set(ROOMS) & {name.partition(".")[0] for name in imported_modules(rewritten)}


@pytest.mark.parametrize("room", ROOMS)
def test_no_module_name_of_a_room_stands_in_a_string(room: str) -> None:
    found = [
        f"{path}:{constant.lineno}: {name}"
        for path, tree in modules(room)
        for constant in strings(tree)
        for name in MODULE_NAME.findall(str(constant.value))
        if is_module(name)
    ]

    assert found == []


def strings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield every string but docstrings, the parts of f-strings included."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node


def is_module(name: str) -> bool:
    """Tell whether the second part of a dotted name is there, so that `domain.example` in a text is no module."""
    room, part = name.split(".")[:2]
    return (ROOT / room / part).is_dir() or (ROOT / room / f"{part}.py").is_file()
