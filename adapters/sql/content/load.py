"""`LoadProbe` over the content database: what a PostgreSQL server tells of its sessions and its standbys.

A user sees the sessions of the roles it is a member of; only a member of pg_monitor sees all of them, and how far
standbys are behind (https://www.postgresql.org/docs/current/monitoring-stats.html). What is not to be seen is taken for
calm, so a lack of rights makes no task wait. A file has one writer at a time, who sees for himself.
"""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from adapters.sql.engine import Database
from application.scheduling.ports.errors import StoreRefusedError

LAG_MAX = timedelta(seconds=10)
ACTIVE_SHARE_MAX = 0.8
# A standby that has caught up and hears nothing new has no lag to tell.
_LOAD = sa.text(
    """
    SELECT (SELECT max(replay_lag) FROM pg_stat_replication) AS lag,
           (SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()) AS active,
           current_setting('max_connections')::int AS sessions_max
    """
)


@dataclass(frozen=True, slots=True)
class SqlLoadProbe:
    """See the port."""

    database: Database
    lag_max: timedelta = LAG_MAX
    active_share_max: float = ACTIVE_SHARE_MAX

    async def trouble(self) -> str | None:
        """See the port."""
        if self.database.has_one_writer:
            return None
        try:
            async with self.database.reading("look at the load") as connection:
                load = (await connection.execute(_LOAD)).one()
        except StoreRefusedError:
            return None
        if load.lag is not None and load.lag > self.lag_max:
            return f"a standby is {load.lag.total_seconds():.0f} s behind"
        if load.active > self.active_share_max * load.sessions_max:
            return f"{load.active} of {load.sessions_max} sessions are active"
        return None
