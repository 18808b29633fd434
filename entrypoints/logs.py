"""How log lines look: sentences on a terminal, JSON elsewhere, never two lines for one event."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from application.scheduling.services.run_execution import CURRENT_ATTEMPT

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure_logging(log_format: str, level: str) -> None:
    """Set up structlog and the standard library's loggers for this process, on standard error."""
    human = log_format == "human" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S" if human else "iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = _sentence if human else structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer], foreign_pre_chain=shared
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # One line per request is the reverse proxy's business.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _sentence(_logger: object, _name: str, event: MutableMapping[str, Any]) -> str:
    """`2024-01-15 02:00:00 - Executing scheduled task: …`, the line the guide promises, then the values."""
    at, text = event.pop("timestamp"), _escaped(str(event.pop("event")))
    level = event.pop("level")
    mark = "" if level in ("info", "debug") else f"{level.upper()}: "
    exception = event.pop("exception", None)
    values = " ".join(f"{name}={_escaped(str(value))}" for name, value in event.items() if value not in (None, ""))
    line = f"{at} - {mark}{text}" + (f"  ({values})" if values else "")
    return line if exception is None else f"{line}\n{exception}"


def _escaped(text: str) -> str:
    """Nothing in a value can end the line or move the cursor."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class _AttemptHandler(logging.Handler):
    """Copies what handlers log the ordinary way onto the page of their execution."""

    def emit(self, record: logging.LogRecord) -> None:
        attempt = CURRENT_ATTEMPT.get()
        if attempt is not None and record.levelno >= logging.INFO:
            attempt.log.write(record.levelname.lower(), record.getMessage())


def capture_lines() -> None:
    """From now on whatever a handler logs is kept with its execution too."""
    logging.getLogger().addHandler(_AttemptHandler())
