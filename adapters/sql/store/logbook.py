"""What running attempts tell: progress and log lines, the latter bounded per execution."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.executions import LINES_MAX, LOG_BYTES_MAX, TRUNCATED
from adapters.records.packing import Row, pack_progress
from adapters.sql.store.batches import ROWS, inserting, updating
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.tables import executions, log_lines
from application.scheduling.ports.execution_store import LogLine, Progress
from domain.scheduling.identifiers import ExecutionId, microseconds

_PROGRESS_COLUMNS = (executions.c.id, executions.c.progress)
_COUNT_COLUMNS = (executions.c.id, executions.c.log_lines, executions.c.log_bytes)
_LINE_COLUMNS = (
    log_lines.c.execution_id,
    log_lines.c.number,
    log_lines.c.at,
    log_lines.c.level,
    log_lines.c.text,
)


class Told(Protocol):
    """A heartbeat or the end of an attempt: what its holder has to tell since the last one."""

    @property
    def execution_id(self) -> ExecutionId: ...
    @property
    def progress(self) -> Progress | None: ...
    @property
    def log(self) -> tuple[LogLine, ...]: ...


@dataclass(slots=True)
class Volume:
    """How much of an execution's log is kept; one line more than LINES_MAX: it was cut, with a note as the last."""

    lines: int
    bytes: int

    def admitted(self, log: Iterable[LogLine]) -> list[LogLine]:
        """The lines that still fit, oldest first, and a note in place of the first that does not."""
        kept: list[LogLine] = []
        for line in log:
            if self.lines > LINES_MAX:
                break
            size = len(line.text.encode(errors="replace"))
            if self.lines == LINES_MAX or self.bytes + size > LOG_BYTES_MAX:
                kept.append(LogLine(line.at, "warning", TRUNCATED))
                self.lines = LINES_MAX + 1
                break
            kept.append(line)
            self.lines += 1
            self.bytes += size
        return kept


class Logbook:
    """The statements, prepared for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._volumes = dialect.query(select(*_COUNT_COLUMNS).where(dialect.is_among(executions.c.id, "ids")))
        self._progress = updating(dialect, executions, _PROGRESS_COLUMNS, ("id",))
        self._counts = updating(dialect, executions, _COUNT_COLUMNS, ("id",))
        self._lines = inserting(dialect, log_lines, _LINE_COLUMNS)

    async def write(self, connection: AsyncConnection, told: Sequence[Told]) -> None:
        """Store what the holders of these executions told, within a transaction that has checked their tokens."""
        progress = {each.execution_id: pack_progress(each.progress) for each in told if each.progress is not None}
        if progress:
            await connection.execute(self._progress, {ROWS: self._dialect.pack(list(progress.items()))})
        await self._write_lines(connection, [each for each in told if each.log])

    async def _write_lines(self, connection: AsyncConnection, told: Sequence[Told]) -> None:
        if not told:
            return
        ids = self._dialect.pack_values([each.execution_id for each in told])
        volumes = {id_: Volume(lines, size) for id_, lines, size in await self._volumes.rows(connection, ids=ids)}
        rows: list[Row] = []
        for each in told:
            volume = volumes[each.execution_id]
            # A number is never used twice: the note, too, has its own.
            first = volume.lines
            for number, line in enumerate(volume.admitted(each.log), start=first):
                rows.append((each.execution_id, number, microseconds(line.at), line.level, line.text))
        counts = [(id_, volume.lines, volume.bytes) for id_, volume in volumes.items()]
        if rows:
            await connection.execute(self._lines, {ROWS: self._dialect.pack(rows)})
            await connection.execute(self._counts, {ROWS: self._dialect.pack(counts)})
