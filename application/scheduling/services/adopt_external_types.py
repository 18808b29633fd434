"""Making tasks external whose type has become so since they were saved."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from application.scheduling.deliveries import Deliveries
from application.scheduling.ports.history import History, TaskFilter, TaskOrder
from application.scheduling.services.change_task import Author, ChangeTask
from application.scheduling.services.errors import ServiceError
from domain.errors import DomainError
from domain.scheduling.change import Change, ChangeAction, Via
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import Mutation, edit
from domain.scheduling.task import Delivery, ScheduledTask

PAGE_SIZE = 200


@dataclass(frozen=True, slots=True)
class AdoptExternalTypes:
    """Carried out at the start of a scheduler, before it fires anything.

    A type that is external no longer leaves its tasks as they are: whether anybody here can run them, people know.
    """

    change_task: ChangeTask
    history: History
    deliveries: Deliveries

    async def run_once(self) -> int:
        """Make the tasks of all external types external, each by a change on record; return how many were not yet.

        What is open of them stays with our workers. A task that cannot be edited stays as it is.
        """
        adopted = 0
        for task_type in sorted(self.deliveries.external_types):
            async for task_id in self._managed(task_type):
                adopted += await self._adopt(task_id, task_type)
        return adopted

    async def _managed(self, task_type: str) -> AsyncIterator[TaskId]:
        """The tasks of a type that our workers run, by name: an order in which adopting them moves none."""
        which, cursor = TaskFilter(task_type=task_type), None
        while True:
            page = await self.history.tasks(
                which, order=TaskOrder.NAME, descending=False, limit=PAGE_SIZE, cursor=cursor
            )
            for task in page.tasks:
                if task.definition.delivery is Delivery.MANAGED:
                    yield task.id
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _adopt(self, task_id: TaskId, task_type: str) -> bool:
        by = Author("scheduler", Via.SYSTEM, f"{task_type} is an external type here")
        try:
            done = await self.change_task.carry_out(task_id, ChangeAction.EDIT, by, self._decided)
        except (DomainError, ServiceError):
            return False
        return not done.unchanged

    def _decided(self, task: ScheduledTask, change: Change) -> Mutation | None:
        definition = self.deliveries.settled(task.definition)
        return None if definition == task.definition else edit(task, definition, change)
