"""Which columns hold the values of the rows in adapters/records."""

from adapters.records.executions import EXECUTION_FIELDS, MOVED_FIELDS
from adapters.sql.store.tables import attempts, changes, executions, log_lines, skips

EXECUTION_COLUMNS = tuple(executions.c[name] for name in EXECUTION_FIELDS)
MOVED_COLUMNS = tuple(executions.c[name] for name in MOVED_FIELDS)
ATTEMPT_COLUMNS = (
    attempts.c.start,
    attempts.c.worker_id,
    attempts.c.started_at,
    attempts.c.finished_at,
    attempts.c.outcome,
    attempts.c.error,
)
LOG_COLUMNS = (log_lines.c.at, log_lines.c.level, log_lines.c.text)
SKIP_COLUMNS = (skips.c.reason, skips.c.first_at, skips.c.last_at, skips.c.count, skips.c.at_least)
CHANGE_COLUMNS = (
    changes.c.task_id,
    changes.c.version,
    changes.c.execution_id,
    changes.c.action,
    changes.c.actor,
    changes.c.via,
    changes.c.at,
    changes.c.reason,
    changes.c.idempotency_key,
    changes.c.body_hash,
)
