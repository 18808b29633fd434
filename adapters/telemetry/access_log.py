"""What happens at the door as log lines: the record of who came in, who was refused and who let whom in."""

import structlog

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


class LogAccess:
    """`AccessLog` that writes structured lines."""

    def __init__(self) -> None:
        self._log = structlog.get_logger()

    def observe(self, event: AccessEvent) -> None:
        """See the port."""
        match event:
            case SignedIn():
                self._log.info("Signed in", user=event.user_name, address=event.address)
            case SignedOut():
                self._log.info("Signed out", user=event.user_name)
            case SignInFailed():
                self._log.warning("A sign-in failed", user=event.user_name or "(unknown)", address=event.address)
            case SignInDelayed():
                self._log.warning("A sign-in was put off: too many failed before", address=event.address)
            case CredentialRefused():
                self._log.warning("A token was refused: unknown, expired or revoked", address=event.address)
            case PermissionRefused():
                self._log.warning(
                    "A request was refused: the role does not suffice",
                    actor=event.actor,
                    role=event.role.value,
                    via=event.via.value,
                    method=event.method,
                    path=event.path,
                    address=event.address,
                )
            case AccessChanged():
                self._log.info("Access was changed", actor=event.actor, what=event.what)
