"""The tasks PeachPie starts with, created once in the life of a store."""

from dataclasses import dataclass
from typing import Any

from application.scheduling.drafts import body_from
from application.scheduling.ports.task_store import TaskStore
from application.scheduling.services.change_task import Author
from application.scheduling.services.errors import NameTakenError, TaskNotFoundError, TooManyTasksError
from application.scheduling.services.manage_tasks import ManageTasks
from domain.scheduling.change import Via

KEY_PREFIX = "default:"


def _default(name: str, schedule: str, description: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "task_type": "maintenance",
        "schedule_type": "cron",
        "schedule": schedule,
        "payload": payload or {},
        "description": description,
        "tags": ["default"],
        "policy": {"timeout": "PT30M"},
    }


DEFAULT_TASKS = (
    _default(
        "cleanup_old_activities",
        "0 2 * * *",
        "Deletes ActivityPub log entries older than a month.",
        {"days_to_keep": 30},
    ),
    _default("update_instance_stats", "0 * * * *", "Counts users, posts and comments of every known instance."),
    _default("cleanup_orphaned_data", "0 3 * * 0", "Soft-deletes content whose author's account is gone."),
    _default(
        "purge_deleted_content",
        "0 4 * * *",
        "Removes content that was deleted three months ago.",
        {"days_to_retain": 90},
    ),
)


@dataclass(frozen=True, slots=True)
class SeedDefaults:
    """Creates each default task under an idempotency key of its own, which the store never forgets.

    So a default that was deleted or renamed does not come back, however often the service starts.
    """

    tasks: TaskStore
    manage: ManageTasks

    async def run_once(self) -> int:
        """Create what was never created; return how many tasks that was."""
        created = 0
        for document in DEFAULT_TASKS:
            key = f"{KEY_PREFIX}{document['name']}"
            author = Author("scheduler", Via.SYSTEM, "default task", key)
            if await self.tasks.replay(key, "") is not None:
                continue
            try:
                created += not (await self.manage.create(body_from(document), author)).replayed
            except (NameTakenError, TaskNotFoundError, TooManyTasksError):
                # Somebody's own task bears the name, another start was faster and its task is gone again, or there is
                # no room for now.
                continue
        return created
