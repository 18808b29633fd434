"""What waits for its handler, or may kill workers, is found and kept apart without looking at all that wait."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_IS_CLAIMABLE = "state = 'pending' AND rescues < 2"
_IS_SUSPECT = "state = 'pending' AND rescues >= 2"
_IS_UNKNOWN = "state = 'pending' AND unknown_since IS NOT NULL"


def upgrade() -> None:
    """Widen and part the index of what is pending, and make one of what was put back for its handler."""
    op.drop_index("executions_pending", "executions")
    claiming = ("available_at", "id", "task_type", "unknown_since")
    _index("executions_pending", claiming, _IS_CLAIMABLE)
    _index("executions_suspect", claiming, _IS_SUSPECT)
    _index("executions_unknown", ("unknown_since", "id"), _IS_UNKNOWN)


def _index(name: str, columns: Sequence[str], where: str) -> None:
    op.create_index(name, "executions", list(columns), sqlite_where=sa.text(where), postgresql_where=sa.text(where))
