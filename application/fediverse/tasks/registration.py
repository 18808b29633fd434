"""Which task name leads to which maintenance task."""

from datetime import timedelta

from application.fediverse.ports.content import ContentPorts
from application.fediverse.tasks.batches import BatchLoop
from application.fediverse.tasks.cleanup_old_activities import CleanupOldActivities
from application.fediverse.tasks.cleanup_orphaned_data import CleanupOrphanedData
from application.fediverse.tasks.purge_deleted_content import PurgeDeletedContent
from application.fediverse.tasks.update_instance_stats import UpdateInstanceStats
from application.scheduling.ports.clock import Clock
from application.scheduling.processors import Function, Processors

TASK_TYPE = "maintenance"
TIMEOUT = timedelta(minutes=30)


def register(processors: Processors, content: ContentPorts, clock: Clock) -> None:
    """Register the maintenance tasks, working on `content`, under task type `maintenance` and their names."""
    loop = BatchLoop(content.checkpoints, clock, content.load)
    tasks: dict[str, Function] = {
        "cleanup_old_activities": CleanupOldActivities(content.activity_log, loop),
        "update_instance_stats": UpdateInstanceStats(content.instance_stats, loop),
        "cleanup_orphaned_data": CleanupOrphanedData(
            content.tombstones, content.orphaned_content, loop, has_application=content.has_application
        ),
        "purge_deleted_content": PurgeDeletedContent(content.tombstones, content.deleted_content, loop),
    }
    for name, function in tasks.items():
        processors.task(TASK_TYPE, name, timeout=TIMEOUT)(function)
