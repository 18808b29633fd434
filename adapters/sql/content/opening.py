"""An open content database as its ports, whatever engine keeps it."""

from adapters.sql.content.activity_log import SqlActivityLog
from adapters.sql.content.checkpoints import SqlCheckpoints
from adapters.sql.content.checkup import SqlContentCheckup
from adapters.sql.content.deleted_content import SqlDeletedContent
from adapters.sql.content.demo_content import SqlDemoContent
from adapters.sql.content.host import Host
from adapters.sql.content.instance_stats import SqlInstanceStats
from adapters.sql.content.load import SqlLoadProbe
from adapters.sql.content.orphaned_content import SqlOrphanedContent
from adapters.sql.content.tombstones import SqlTombstones
from adapters.sql.engine import Database
from application.fediverse.ports.content import ContentPorts


def content_ports(database: Database, host: Host) -> ContentPorts:
    """Every port of it, over the same transactions."""
    return ContentPorts(
        checkpoints=SqlCheckpoints(database),
        tombstones=SqlTombstones(database, host),
        activity_log=SqlActivityLog(database),
        instance_stats=SqlInstanceStats(database, host),
        orphaned_content=SqlOrphanedContent(database, host),
        deleted_content=SqlDeletedContent(database, host),
        demo=SqlDemoContent(database, host),
        checkup=SqlContentCheckup(database, host),
        load=SqlLoadProbe(database),
        has_application=host.has_application,
    )
