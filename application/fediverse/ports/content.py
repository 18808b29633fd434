"""The content database as a whole."""

from dataclasses import dataclass

from application.fediverse.ports.activity_log import ActivityLog
from application.fediverse.ports.checkpoints import Checkpoints
from application.fediverse.ports.checkup import ContentCheckup
from application.fediverse.ports.deleted_content import DeletedContent
from application.fediverse.ports.demo_content import DemoContent
from application.fediverse.ports.instance_stats import InstanceStats
from application.fediverse.ports.load import LoadProbe
from application.fediverse.ports.orphaned_content import OrphanedContent
from application.fediverse.ports.tombstones import Tombstones


@dataclass(frozen=True, slots=True)
class ContentPorts:
    """Every port of one open content database; they share its transactions, so they come together."""

    checkpoints: Checkpoints
    tombstones: Tombstones
    activity_log: ActivityLog
    instance_stats: InstanceStats
    orphaned_content: OrphanedContent
    deleted_content: DeletedContent
    demo: DemoContent
    checkup: ContentCheckup
    load: LoadProbe
    has_application: bool  # somebody's application writes this content, and must tell others what becomes of it
