"""Instants and durations as ISO 8601 writes them, the same for every way out."""

from datetime import datetime, timedelta
from typing import overload


@overload
def instant(at: datetime) -> str: ...
@overload
def instant(at: None) -> None: ...
@overload
def instant(at: datetime | None) -> str | None: ...
def instant(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the microsecond where there is one."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")


@overload
def duration(length: timedelta) -> str: ...
@overload
def duration(length: None) -> None: ...
@overload
def duration(length: timedelta | None) -> str | None: ...
def duration(length: timedelta | None) -> str | None:
    """ISO 8601 in days, hours, minutes and seconds."""
    if length is None:
        return None
    minutes, seconds = divmod(length.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f"{seconds}.{length.microseconds:06d}".rstrip("0") if length.microseconds else str(seconds)
    days = f"{length.days}D" if length.days else ""
    parts = [f"{hours}H" if hours else "", f"{minutes}M" if minutes else "", f"{fraction}S" if fraction != "0" else ""]
    clock = "".join(parts)
    return f"P{days}T{clock}" if clock else f"P{days}" if days else "PT0S"
