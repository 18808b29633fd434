"""Finding the handlers of this process: ours, those named in the settings, those that packages bring along."""

import inspect
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import entry_points

from application.scheduling.processors import Processors
from entrypoints.settings import InvalidSettingsError

ENTRY_POINT_GROUP = "peachpie_scheduler.processors"


def load_handlers(processors: Processors, names: Iterable[str]) -> None:
    """Add what `SCHEDULER_PROCESSORS` and the entry points name.

    Each names a `Processors`, or a function that is given ours and registers what it has. Settings may name code, data
    never does. Raises InvalidSettingsError for a name that leads nowhere.
    """
    for name in names:
        _add(processors, f"SCHEDULER_PROCESSORS: {name}", _named(name))
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        _add(processors, f"entry point {entry.name}", entry.load())


def _named(name: str) -> object:
    module_name, _, attribute = name.partition(":")
    if not attribute:
        raise _invalid(f"SCHEDULER_PROCESSORS: {name} names no attribute", "module.path:attribute")
    try:
        return getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise _invalid(f"SCHEDULER_PROCESSORS: {name} cannot be imported: {error}", "module.path:attribute") from error


def _add(processors: Processors, where: str, found: object) -> None:
    try:
        if isinstance(found, Processors):
            processors.include(found)
        elif inspect.isfunction(found):
            found(processors)
        elif inspect.isclass(found):
            raise _invalid(f"{where} is a class; processors in class form need Redis", "a Processors or a function")
        else:
            raise _invalid(f"{where} is a {type(found).__name__}", "a Processors or a function that takes one")
    except ValueError as error:
        raise _invalid(f"{where}: {error}", "one handler for each task type and name") from error


def _invalid(fault: str, right: str) -> InvalidSettingsError:
    return InvalidSettingsError((f"{fault} (right would be: {right})",))
