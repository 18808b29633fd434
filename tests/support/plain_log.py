"""Log lines as plain as can be, for servers that tests start in their own process."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def plain_log() -> Iterator[None]:
    """Log on single lines for as long as the context lasts.

    Structlog's default draws the values of every variable beside a traceback, which takes minutes for a server's.
    """
    before = structlog.get_config()
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])
    try:
        yield
    finally:
        structlog.configure(**before)
