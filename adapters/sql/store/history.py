"""`History` in SQL."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.engine import Database
from adapters.sql.store.dialect import Dialect, Row
from adapters.sql.store.execution_lists import ExecutionLists
from adapters.sql.store.execution_rows import attempt_of, change_of, execution_of, log_line_of, skip_of
from adapters.sql.store.packing import UNREADABLE, unpack_progress
from adapters.sql.store.pruning import Pruning
from adapters.sql.store.task_lists import TaskLists
from application.scheduling.ports.clock import Clock
from application.scheduling.ports.history import (
    ChangeRecord,
    Counts,
    ExecutionFilter,
    ExecutionPage,
    ExecutionRecord,
    Retention,
    TaskFilter,
    TaskOrder,
    TaskPage,
)
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.task import ScheduledTask, Skip
