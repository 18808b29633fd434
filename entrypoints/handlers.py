"""Finding the handlers of this process: ours, those named in the settings, those that packages bring along."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points

import structlog

from application.scheduling.fed_processors import FedProcessor, MessageProcessor, fed_processor
from application.scheduling.processors import Processors
from domain.errors import DomainError, SchedulerError
from entrypoints.settings import InvalidSettingsError

ENTRY_POINT_GROUP = "peachpie_scheduler.processors"
START_WITHIN = timedelta(seconds=30)
# The supervisor waits no longer than KILL_AFTER for all that follows the grace.
STOP_WITHIN = timedelta(seconds=1)
_RIGHT = "a Processors, a function that is given one and fills it, or a class with async _process_message(id, data)"

Build = Callable[[type], object]
"""Makes an object of a class in the guide's form, given what such classes are made with."""


class ProcessorNotStartedError(SchedulerError):
    """A processor's own `start` failed, which may pass: another worker tries again."""


def load_handlers(processors: Processors, names: Iterable[str], build: Build | None = None) -> None:
    """Add what `SCHEDULER_PROCESSORS` and the entry points name.

    Each names a `Processors`, a function that is given ours and registers what it has, or a class in the guide's form,
    in the settings with `type=` before it if it does not say itself which type it serves. Without Redis there is no
    `build`, and classes are refused. Settings may name code, data never does. Raises InvalidSettingsError for a name
    that leads nowhere.
    """
    for name in dict.fromkeys(names):
        where = f"SCHEDULER_PROCESSORS: {name}"
        task_type, _, attribute = name.rpartition("=")
        found = _imported(where, partial(_named, where, attribute))
        _add(processors, where, found, build, task_type or None)
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        where = f"entry point {entry.name}"
        _add(processors, where, _imported(where, entry.load), build, None)


@asynccontextmanager
async def started(processors: Processors) -> AsyncIterator[None]:
    """Await `start` of every processor in class form that has one; at the end of the block `stop`, the last one first.

    Raises ProcessorNotStartedError, and InvalidSettingsError for one that does not come back from its `start`: it reads
    a stream by itself, and would never be fed.
    """
    async with AsyncExitStack() as stops:
        for handler in processors:
            if isinstance(handler.function, FedProcessor):
                await _start(handler.function.processor)
                stops.push_async_callback(_stop, handler.function.processor)
        yield


async def _start(processor: MessageProcessor) -> None:
    name, limit = type(processor).__qualname__, asyncio.timeout(START_WITHIN.total_seconds())
    try:
        async with limit:
            await _awaited(processor, "start")
    except Exception as error:
        if limit.expired():
            told = f"start() of {name} did not return within {START_WITHIN.total_seconds():g} s"
            raise _invalid(told, "one that returns; a class that reads its stream itself runs as a program") from error
        raise ProcessorNotStartedError(f"start() of {name} failed: {type(error).__name__}: {error}") from error


async def _stop(processor: MessageProcessor) -> None:
    try:
        async with asyncio.timeout(STOP_WITHIN.total_seconds()):
            await _awaited(processor, "stop")
    except Exception as error:  # noqa: BLE001 - it is user code, and nothing depends on it any more
        because = f"{type(error).__name__}: {error}"
        structlog.get_logger().warning("A processor did not stop", processor=type(processor).__qualname__, why=because)


async def _awaited(processor: MessageProcessor, name: str) -> None:
    method: Callable[[], Awaitable[object] | None] | None = getattr(processor, name, None)
    pending = None if method is None else method()
    if pending is not None:
        await pending


def _named(where: str, name: str) -> object:
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise _invalid(f"{where} names no attribute of a module", "module.path:attribute")
    return getattr(import_module(module_name), attribute)


def _imported(where: str, load: Callable[[], object]) -> object:
    try:
        return load()
    except InvalidSettingsError:
        raise
    except (Exception, SystemExit) as error:
        # Importing a module runs all its code, which may fail in any way, or be a script that ends.
        told = f"{where} cannot be imported: {type(error).__name__}: {error}"
        raise _invalid(told, "module.path:attribute of a module on PYTHONPATH") from error


def _add(processors: Processors, where: str, found: object, build: Build | None, task_type: str | None) -> None:
    load: Callable[[], object]
    if inspect.isclass(found) and not issubclass(found, Processors):
        load = partial(processors.add, _fed(where, found, build, task_type).handler)
    elif task_type is not None:
        raise _invalid(f"{where} is no class, and has its task types itself", "no type before its name")
    elif isinstance(found, Processors):
        load = partial(processors.include, found)
    elif not callable(found) or inspect.iscoroutinefunction(found):
        raise _invalid(f"{where} is a {type(found).__name__}", _RIGHT)
    else:
        load = partial(found, processors)
    try:
        load()
    except (TypeError, ValueError, DomainError) as error:
        raise _invalid(f"{where}: {error}", "one handler for each task type and name") from error


def _built(where: str, found: type, build: Build | None) -> object:
    if build is None:
        raise _invalid(f"{where} is a class; processors in class form need Redis", "REDIS_URL, or a Processors")
    try:
        return build(found)
    except Exception as error:
        told = f"{where} cannot be made: {type(error).__name__}: {error}"
        raise _invalid(told, "a class made with (redis_client, async_session_maker)") from error


def _fed(where: str, found: type, build: Build | None, task_type: str | None) -> FedProcessor:
    try:
        return fed_processor(_built(where, found, build), task_type)
    except (ValueError, DomainError) as error:
        raise _invalid(f"{where}: {error}", _RIGHT) from error


def _invalid(fault: str, right: str) -> InvalidSettingsError:
    return InvalidSettingsError((f"{' '.join(fault.split())} (right would be: {right})",))
