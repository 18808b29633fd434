"""What the log says of the door."""

from typing import get_args

import pytest
from structlog.testing import capture_logs

from adapters.telemetry.access_log import LogAccess
from domain.access.events import (
    AccessChanged,
    AccessEvent,
    CredentialRefused,
    PermissionRefused,
    SignedIn,
    SignedOut,
    SignInDelayed,
    SignInFailed,
)
from domain.access.role import Role

EVENTS = [
    (SignedIn("ana", "192.0.2.1"), "info"),
    (SignedOut("ana"), "info"),
    (SignInFailed("ana", "192.0.2.1"), "warning"),
    (SignInFailed(None, "192.0.2.1"), "warning"),
    (SignInDelayed("192.0.2.1"), "warning"),
    (CredentialRefused("192.0.2.1"), "warning"),
    (PermissionRefused("ana", Role.VIEWER, "POST", "/x", "192.0.2.1"), "warning"),
    (AccessChanged("ana", "disabled user bob"), "info"),
]


@pytest.mark.parametrize(("event", "level"), EVENTS)
def test_every_event_is_one_line_with_all_it_knows(event: AccessEvent, level: str) -> None:
    with capture_logs() as logged:
        LogAccess().observe(event)

    (line,) = logged
    known = [getattr(event, name) for name in event.__slots__]
    assert line["log_level"] == level
    assert all(str(value) in map(str, line.values()) for value in known if value is not None)


def test_every_kind_of_event_has_its_line() -> None:
    assert {type(event) for event, _ in EVENTS} == set(get_args(AccessEvent))
