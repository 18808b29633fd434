"""The lines a handler writes, kept until a heartbeat or the settlement takes them along, within bounds."""

from dataclasses import dataclass, field
from threading import Lock

from application.scheduling import json_text
from application.scheduling.ports.clock import Clock
from application.scheduling.ports.execution_store import LogLine
from application.scheduling.services.error_reports import on_one_line, redacted

LINE_CHARACTERS_MAX = 2_000
LINES_WAITING_MAX = 1_000
LINES_MAX = 10_000


@dataclass(slots=True)
class AttemptLog:
    """The lines of one attempt that were not sent yet.

    Beyond LINES_WAITING_MAX at once, or LINES_MAX in all, they are counted, not kept.
    """

    clock: Clock
    _lines: list[LogLine] = field(default_factory=list)
    _kept: int = 0
    _dropped: int = 0
    _lock: Lock = field(default_factory=Lock)

    def debug(self, text: str, /, **values: object) -> None:
        """See RunLog."""
        self.write("debug", text, **values)

    def info(self, text: str, /, **values: object) -> None:
        """See RunLog."""
        self.write("info", text, **values)

    def warning(self, text: str, /, **values: object) -> None:
        """See RunLog."""
        self.write("warning", text, **values)

    def error(self, text: str, /, **values: object) -> None:
        """See RunLog."""
        self.write("error", text, **values)

    def write(self, level: str, text: str, /, **values: object) -> None:
        """A line at a level, its values appended as key=value, shortened to LINE_CHARACTERS_MAX, without secrets."""
        told = " ".join([str(text), *(f"{name}={value}" for name, value in values.items())])
        shown = on_one_line(redacted(told[:LINE_CHARACTERS_MAX]))
        line = LogLine(self.clock.now(), level, json_text.storable(shown))
        with self._lock:
            if len(self._lines) < LINES_WAITING_MAX and self._kept < LINES_MAX:
                self._lines.append(line)
                self._kept += 1
            else:
                self._dropped += 1

    def taken(self) -> tuple[LogLine, ...]:
        """The waiting lines, which then wait no longer; the last one tells how many were dropped, if any were."""
        with self._lock:
            lines, self._lines = self._lines, []
            dropped, self._dropped = self._dropped, 0
        if dropped:
            lines.append(LogLine(self.clock.now(), "warning", f"{dropped} lines were dropped: too many"))
        return tuple(lines)

    def put_back(self, lines: tuple[LogLine, ...]) -> None:
        """Let these wait again, before what came since; of that, what finds no room any more is counted as dropped."""
        with self._lock:
            waiting = [*lines, *self._lines]
            self._lines = waiting[: max(LINES_WAITING_MAX, len(lines))]
            self._dropped += len(waiting) - len(self._lines)
