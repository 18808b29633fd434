"""Finding the handlers of this process: ours, those named in the settings, those that packages bring along."""

import inspect
from collections.abc import Callable, Iterable
from functools import partial
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
        where = f"SCHEDULER_PROCESSORS: {name}"
        _add(processors, where, _imported(where, partial(_named, where, name)))
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        where = f"entry point {entry.name}"
        _add(processors, where, _imported(where, entry.load))


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


def _add(processors: Processors, where: str, found: object) -> None:
    right = "a Processors, or a function that is given one and fills it"
    if isinstance(found, Processors):
        load: Callable[[], object] = partial(processors.include, found)
    elif inspect.isclass(found):
        raise _invalid(f"{where} is a class; processors in class form need Redis", right)
    elif not callable(found) or inspect.iscoroutinefunction(found):
        raise _invalid(f"{where} is a {type(found).__name__}", right)
    else:
        load = partial(found, processors)
    try:
        load()
    except (TypeError, ValueError) as error:
        raise _invalid(f"{where}: {error}", "one handler for each task type and name") from error


def _invalid(fault: str, right: str) -> InvalidSettingsError:
    return InvalidSettingsError((f"{' '.join(fault.split())} (right would be: {right})",))
