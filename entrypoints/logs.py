"""How log lines look: sentences on a terminal, JSON elsewhere, never two lines for one event."""

import logging
import sys
from collections.abc import MutableMapping
from copy import copy
from functools import partial
from typing import Any

import structlog

from application.scheduling.services.error_reports import on_one_line
from application.scheduling.services.run_execution import CURRENT_ATTEMPT

# What a sentence says anyway; programs would have to take it apart.
IN_WORDS = frozenset({"task", "task_id", "action", "doing"})
SECONDS = "_seconds"


def configure_logging(log_format: str, level: str, node_id: str = "") -> None:
    """Set up structlog and the standard library's loggers for this process, on standard error.

    For programs every line says which process it is from, and one of a handler's, which attempt. A line that is logged
    while a request is worked on bears its id.
    """
    human = log_format == "human" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S" if human else "iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    # JSON in ASCII alone: whatever the encoding of the stream, and whatever terminal it is shown on.
    rendering: list[structlog.typing.Processor] = (
        [structlog.contextvars.merge_contextvars, _sentence]
        if human
        else [structlog.contextvars.merge_contextvars, partial(_signed, node_id), structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering], foreign_pre_chain=shared
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.setLevel(level.upper())
    # Handlers' own lines are kept with their executions from INFO on, however little is shown here.
    logging.basicConfig(level=min(logging.INFO, handler.level), handlers=[handler], force=True)
    # One line per request is the reverse proxy's business.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _signed(node_id: str, _logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The line with where it is from, as far as it does not say so itself."""
    event.setdefault("node", node_id)
    if (attempt := CURRENT_ATTEMPT.get()) is not None:
        event.setdefault("task_id", attempt.task_id)
        event.setdefault("execution", attempt.execution_id)
        event.setdefault("attempt", attempt.attempt)
    return event


def _sentence(_logger: object, _name: str, event: MutableMapping[str, Any]) -> str:
    """`2024-01-15 02:00:00 - Executing scheduled task: …`, the line the guide promises, then the values."""
    at, text = event.pop("timestamp"), on_one_line(str(event.pop("event")))
    level = event.pop("level")
    mark = "" if level in ("info", "debug") else f"{level.upper()}: "
    exception = event.pop("exception", None)
    shown = (_value(name, value) for name, value in event.items() if value not in (None, "") and name not in IN_WORDS)
    values = " ".join(shown)
    line = f"{at} - {mark}{text}" + (f"  ({values})" if values else "")
    return line if exception is None else "\n".join([line, *map(_indented, str(exception).splitlines())])


def _value(name: str, value: object) -> str:
    """`attempt=1`, `took=0.027s`: programs are told the unit in the name, people beside the number."""
    if name.endswith(SECONDS) and isinstance(value, float):
        return f"{name.removesuffix(SECONDS)}={value:.3f}s"
    return f"{name}={on_one_line(str(value))}"


def _indented(line: str) -> str:
    """A line of a traceback, which can't pass for a line of the log, whatever its error's text says."""
    return f"    {on_one_line(line)}"


class _AttemptHandler(logging.Handler):
    """Copies what handlers log the ordinary way onto the page of their execution."""

    def emit(self, record: logging.LogRecord) -> None:
        attempt = CURRENT_ATTEMPT.get()
        if attempt is None or record.levelno < logging.INFO:
            return
        try:
            attempt.log.write(record.levelname.lower(), _told(record))
        except (TypeError, ValueError):
            # The arguments do not fit the text, which is no reason to fail the handler that logs them.
            self.handleError(record)


def _told(record: logging.LogRecord) -> str:
    """What a record says, its traceback included; structlog hands over its values as a dict."""
    if isinstance(record.msg, dict):
        values = dict(record.msg)
        event = str(values.pop("event", ""))
        exception = values.pop("exception", None)
        shown = (f"{name}={value}" for name, value in values.items() if name not in ("level", "timestamp"))
        return " ".join([event, *shown]) + (f"\n{exception}" if exception else "")
    # A copy: formatting leaves its marks on a record, and other handlers still want to format it themselves.
    return logging.Formatter().format(copy(record))


def capture_lines() -> None:
    """From now on whatever a handler logs is kept with its execution too."""
    logging.getLogger().addHandler(_AttemptHandler())
