"""Finding handlers: by name and by entry point, and one clear line for a name that leads nowhere."""

import asyncio
import sys
from datetime import timedelta
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

from application.scheduling.fed_processors import FedProcessor
from application.scheduling.processors import Processors, Run
from entrypoints.handlers import ENTRY_POINT_GROUP, ProcessorNotStartedError, load_handlers, started
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
    def __init__(self, redis_client: str, async_session_maker: str) -> None:
        self.made_with = (redis_client, async_session_maker)
        self.heard: list[str] = []

    async def start(self) -> None:
        self.heard.append("start")

    async def stop(self) -> None:
        self.heard.append("stop")

    async def _process_message(self, message_id: str, data: dict[str, Any]) -> None:
        """Send something."""


class OfItsOwnType(InClassForm):
    """Sends digests.

    Twice a day.
    """

    stream_name = "stream:digest:tasks"


class NeverStarted(OfItsOwnType):
    task_type = "never"

    async def start(self) -> None:
        await asyncio.Event().wait()


class Broken(OfItsOwnType):
    task_type = "broken"

    async def start(self) -> None:
        raise ConnectionError("no server")

    async def stop(self) -> None:
        raise ConnectionError("no server")


class OfOtherParts:
    pass


def build(found: type) -> object:
    return found("redis", "sessions")


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
    for each in (OfItsOwnType, NeverStarted, Broken, OfOtherParts):
        setattr(module, each.__name__, each)
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
        ("mail=users_own:ready", "is no class, and has its task types itself"),
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


@pytest.mark.parametrize(
    ("name", "task_type"), [("users_own:OfItsOwnType", "digest"), ("mail=users_own:InClassForm", "mail")]
)
def test_a_class_is_made_and_serves_every_name_of_its_type(module: ModuleType, name: str, task_type: str) -> None:
    processors = Processors()

    load_handlers(processors, [name, name], build)

    (handler,) = processors
    assert isinstance(handler.function, FedProcessor)
    assert handler.function.processor.made_with == ("redis", "sessions")  # type: ignore[attr-defined]
    assert processors.find(task_type, "whatever") is handler


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("users_own:InClassForm", "task_type = 'mail', or stream_name = 'stream:mail:tasks', or write mail= before"),
        ("no type=users_own:InClassForm", "letters, digits"),
        ("users_own:OfOtherParts", "cannot be made: TypeError"),
    ],
)
def test_a_class_that_cannot_be_fed_is_one_line(module: ModuleType, name: str, told: str) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        load_handlers(Processors(), [name], build)

    (line,) = refused.value.lines
    assert line.startswith(f"SCHEDULER_PROCESSORS: {name}")
    assert told in line


async def test_processors_are_started_before_the_block_and_stopped_behind_it(module: ModuleType) -> None:
    processors = Processors()
    load_handlers(processors, ["users_own:fill", "users_own:OfItsOwnType"], build)
    heard: list[str] = processors.find("digest", "x").function.processor.heard  # type: ignore[union-attr]

    async with started(processors):
        assert heard == ["start"]

    assert heard == ["start", "stop"]


async def test_a_start_that_fails_is_told_and_what_was_started_is_stopped(module: ModuleType) -> None:
    processors = Processors()
    load_handlers(processors, ["users_own:OfItsOwnType", "users_own:Broken"], build)

    with pytest.raises(ProcessorNotStartedError, match=r"start\(\) of Broken failed: ConnectionError: no server"):
        async with started(processors):
            raise AssertionError("it must not begin")

    assert processors.find("digest", "x").function.processor.heard == ["start", "stop"]  # type: ignore[union-attr]


async def test_a_start_that_never_returns_is_refused_for_good(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrypoints.handlers.START_WITHIN", timedelta(milliseconds=10))
    processors = Processors()
    load_handlers(processors, ["users_own:NeverStarted"], build)

    with pytest.raises(InvalidSettingsError, match=r"start\(\) of NeverStarted did not return within 0\.01 s"):
        async with started(processors):
            raise AssertionError("it must not begin")


async def test_a_stop_that_fails_hinders_nothing(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Broken, "start", InClassForm.start)
    processors = Processors()
    load_handlers(processors, ["users_own:OfItsOwnType", "users_own:Broken"], build)

    async with started(processors):
        pass

    assert processors.find("digest", "x").function.processor.heard == ["start", "stop"]  # type: ignore[union-attr]


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
