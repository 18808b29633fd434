"""Finding handlers: by name and by entry point, and one clear line for a name that leads nowhere."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

from application.scheduling.processors import Processors, Run
from entrypoints.handlers import ENTRY_POINT_GROUP, load_handlers
from entrypoints.settings import InvalidSettingsError


async def send(payload: dict[str, Any], run: Run) -> None:
    """Send something."""


async def send_otherwise(payload: dict[str, Any], run: Run) -> None:
    """Send something else."""


def fill(processors: Processors) -> None:
    processors.task("mail", "filled")(send)


async def fill_later(processors: Processors) -> None:
    fill(processors)


def fail(processors: Processors) -> None:
    raise ValueError("two of a kind")


class InClassForm:
    pass


class Filler:
    def __call__(self, processors: Processors) -> None:
        fill(processors)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An importable module of a user's, named `users_own`."""
    module: Any = ModuleType("users_own")
    module.ready = Processors()
    module.ready.task("mail", "ready")(send)
    module.fill, module.fill_later, module.fail, module.Filler = fill, fill_later, fail, Filler()
    module.InClassForm, module.number = InClassForm, 3
    monkeypatch.setitem(sys.modules, "users_own", module)
    monkeypatch.setattr("entrypoints.handlers.entry_points", lambda group: ())
    return module  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "found"), [("users_own:ready", "ready"), ("users_own:fill", "filled"), ("users_own:Filler", "filled")]
)
def test_a_registry_or_a_callable_that_fills_ours_is_loaded(module: ModuleType, name: str, found: str) -> None:
    processors = Processors()

    load_handlers(processors, [name, name])

    assert [handler.name for handler in processors] == [found]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("users_own", "names no attribute of a module"),
        (":fill", "names no attribute of a module"),
        ("users_own:nothing", "AttributeError"),
        ("no_such_module:x", "ModuleNotFoundError"),
        ("users_own:InClassForm", "processors in class form need Redis"),
        ("users_own:number", "is a int"),
        ("users_own:fill_later", "is a function"),
        ("users_own:fail", "two of a kind"),
    ],
)
def test_a_name_that_leads_nowhere_is_one_line_with_what_would_be_right(
    module: ModuleType, name: str, told: str
) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        load_handlers(Processors(), [name])

    (line,) = refused.value.lines
    assert line.startswith(f"SCHEDULER_PROCESSORS: {name}")
    assert told in line
    assert "right would be" in line
    assert "\n" not in line


def test_a_module_that_fails_while_it_is_imported_is_one_line(
    tmp_path: Any, module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "users_broken.py").write_text("raise RuntimeError('first\\nsecond')\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(InvalidSettingsError) as refused:
        load_handlers(Processors(), ["users_broken:x"])

    (line,) = refused.value.lines
    assert line.startswith("SCHEDULER_PROCESSORS: users_broken:x cannot be imported: RuntimeError: first second (")


def test_a_module_that_is_a_script_and_ends_is_one_line(
    tmp_path: Any, module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "users_script.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(InvalidSettingsError, match="users_script:x cannot be imported: SystemExit: 3"):
        load_handlers(Processors(), ["users_script:x"])


def test_two_functions_for_one_place_are_refused(module: ModuleType) -> None:
    processors = Processors()
    processors.task("mail", "ready")(send_otherwise)

    with pytest.raises(InvalidSettingsError, match="two handlers"):
        load_handlers(processors, ["users_own:ready"])


def test_what_packages_bring_along_is_loaded_too(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("ours", "users_own:fill", ENTRY_POINT_GROUP)
    broken = EntryPoint("theirs", "users_own:gone", ENTRY_POINT_GROUP)
    processors = Processors()

    monkeypatch.setattr(
        "entrypoints.handlers.entry_points", lambda group: [entry] if group == ENTRY_POINT_GROUP else []
    )
    load_handlers(processors, [])
    monkeypatch.setattr("entrypoints.handlers.entry_points", lambda group: [broken])

    assert [handler.name for handler in processors] == ["filled"]
    with pytest.raises(InvalidSettingsError, match="entry point theirs"):
        load_handlers(Processors(), [])
