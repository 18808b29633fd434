"""What is left in a store after a run, read through its ports: for stores whose own form is nobody else's to know."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import fields

from adapters.records.executions import execution_row
from adapters.records.packing import pack_policy, pack_schedule, us_or_none
from application.scheduling.ports.history import AuditFilter, ExecutionFilter, History, TaskFilter, TaskOrder
from application.scheduling.ports.records import ChangeRecord, ExecutionRecord, VersionRecord
from domain.scheduling.execution import Execution
from domain.scheduling.identifiers import TaskId, microseconds
from domain.scheduling.task import ScheduledTask, Skip
from tests.support.chaos_dump import (
    AttemptRow,
    ChangeRow,
    Dump,
    ExecutionRow,
    SkipRow,
    TaskRow,
    VersionRow,
)

PAGE = 200
ALL_OF_A_TASK = 100_000
