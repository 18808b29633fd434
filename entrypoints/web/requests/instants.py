"""Instants as addresses and forms hold them: wall time in a zone, or an instant with its offset."""

from dataclasses import dataclass
from datetime import datetime

from domain.errors import DomainError
from domain.scheduling.schedule import OneTimeSchedule
from entrypoints.web.requests.errors import RequestError
from entrypoints.web.requests.parameters import Query


@dataclass(frozen=True, slots=True)
class AskedSpan:
    """The instants a list is asked for, from `since` on and before `until`, and what is wrong with them, by field."""

    since: datetime | None
    until: datetime | None
    faults: dict[str, str]


def instant_in(name: str, text: str, timezone: str) -> datetime:
    """The instant that parameter `name` says. Raises RequestError `bad_parameter` with what would be right."""
    try:
        return OneTimeSchedule.parse(text, timezone).at
    except DomainError as error:
        detail = f"{name}: {error.detail}{f' - {error.hint}' if error.hint else ''}"
        raise RequestError("bad_parameter", detail, reason=error.reason, parameter=name) from error


def asked_span(query: Query, timezone: str) -> AskedSpan:
    """The span that `since` and `until` of an address say, by the clocks of a zone unless they have offsets."""
    found, faults = dict[str, datetime](), dict[str, str]()
    for name in ("since", "until"):
        try:
            if (text := query.text(name)) is not None:
                found[name] = instant_in(name, text, timezone)
        except RequestError as fault:
            faults[name] = fault.detail
    return AskedSpan(found.get("since"), found.get("until"), faults)
