"""Changes of tasks, as the observer hears of them."""

from application.scheduling.ports.task_store import Applied
from domain.scheduling.events import TaskChanged
from domain.scheduling.mutation import Mutation


def changed_event(mutation: Mutation, answer: Applied) -> TaskChanged:
    """What the observer hears of a change that was made."""
    change, task = mutation.change, answer.task
    return TaskChanged(
        task_id=task.id,
        task_name=task.definition.name,
        version=task.version,
        action=change.action,
        actor=change.actor,
        via=change.via,
        reason=change.reason,
        execution_id=answer.execution_id,
    )
