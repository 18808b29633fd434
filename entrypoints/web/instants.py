"""Instants as addresses and forms hold them: wall time in a zone, or an instant with its offset."""

from datetime import datetime

from domain.errors import DomainError
from domain.scheduling.schedule import OneTimeSchedule
from entrypoints.web.errors import RequestError


def instant_in(name: str, text: str, timezone: str) -> datetime:
    """The instant that parameter `name` says. Raises RequestError `bad_parameter` with what would be right."""
    try:
        return OneTimeSchedule.parse(text, timezone).at
    except DomainError as error:
        detail = f"{name}: {error.detail}{f' - {error.hint}' if error.hint else ''}"
        raise RequestError("bad_parameter", detail, reason=error.reason, parameter=name) from error
