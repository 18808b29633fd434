"""Who is alive and free now to decide what is due, and to run it: what hinders that, as a code and in words."""

from collections.abc import Mapping

from application.scheduling.explanations.case import Case
from application.scheduling.explanations.holding import HELD, is_held, standing
from application.scheduling.ports.membership import specs_of
from application.scheduling.processors import announced_spec
from domain.scheduling.task import Definition, Delivery


def lacking(case: Case, definition: Definition) -> Mapping[str, str]:
    """What hinders the runs of a task at present; empty if somebody decides them, and somebody can run them."""
    hold = standing(case)
    missing = {} if hold is None else {HELD: f"unless the hold ends before, it waits for that: {is_held(case, hold)}"}
    missing |= {} if case.has_scheduler else {"no_scheduler": "no scheduler is running at present"}
    if definition.delivery is Delivery.EXTERNAL:
        return missing
    worker = unserved(case, definition.task_type, definition.handler_name)
    return missing | ({} if worker is None else dict([worker]))


def unserved(case: Case, task_type: str, name: str) -> tuple[str, str] | None:
    """That no living worker has the handler; None: one has it."""
    specs = specs_of(case.members)
    if not any(spec.task_type == task_type for spec in specs):
        return "no_worker", f"no living worker serves the type {task_type!r}"
    if announced_spec(specs, task_type, name) is None:
        return "no_handler", f"no living worker has a handler named {name!r} for the type {task_type!r}"
    return None
