"""Who was refused, on record, and no more of it than strangers may make us write.

All refusals go to the log. On the record goes the first of its kind in an hour (the same event, name and network), and
then the tenth, the hundredth and so on; of each event RECORDS_MAX an hour, the last of which says that the others are
in the log alone. The counting is this process's own: it costs the store nothing, and begins anew with the process.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from application.scheduling.ports.access import AccessLog
from application.scheduling.ports.access_trail import AccessTrail
from application.scheduling.ports.clock import Clock
from application.scheduling.services.credentials import network
from domain.access.events import CredentialRefused, PermissionRefused, SignInDelayed, SignInFailed
from domain.access.record import AccessAction, Deed, Doer
from domain.scheduling.change import Via

RECORDS_MAX = 12
REST_IN_THE_LOG = "; further ones of this hour are in the log alone"

Refusal = SignInFailed | SignInDelayed | CredentialRefused | PermissionRefused


@dataclass(slots=True)
class NoteRefusals:
    """Tell the log of each refusal, and the record of those the rule above picks."""

    trail: AccessTrail
    clock: Clock
    log: AccessLog
    _hour: datetime | None = None
    _times: Counter[Deed] = field(default_factory=Counter)
    _records: Counter[AccessAction] = field(default_factory=Counter)

    async def run(self, refusal: Refusal) -> None:
        """Raises StoreUnavailableError: what cannot be put on record is not answered as if it had been."""
        self.log.observe(refusal)
        if (deed := self._due(_deed(refusal))) is not None:
            await self.trail.note(deed)

    def _due(self, deed: Deed) -> Deed | None:
        """What is to be recorded of it, if anything. Counts only what has a record, so its memory is bounded, too."""
        self._begin_hour()
        kind = replace(deed, by=replace(deed.by, address=network(deed.by.address)))
        is_full = self._records[deed.action] >= RECORDS_MAX
        if is_full and kind not in self._times:
            return None
        self._times[kind] += 1
        times = self._times[kind]
        if is_full or not _is_power_of_ten(times):
            return None
        self._records[deed.action] += 1
        count = "" if times == 1 else f"for the {times:,}th time this hour"
        last = REST_IN_THE_LOG if self._records[deed.action] == RECORDS_MAX else ""
        said = ", ".join(part for part in (deed.detail, count) if part)
        return replace(deed, detail=f"{said}{last}".removeprefix("; "))

    def _begin_hour(self) -> None:
        hour = self.clock.now().replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour = hour
            self._times.clear()
            self._records.clear()


def _deed(refusal: Refusal) -> Deed:
    match refusal:
        case SignInFailed():
            by = Doer("", Via.PAGE, refusal.address)
            return Deed(by, AccessAction.SIGN_IN_FAILED, refusal.user_name or "", "")
        case SignInDelayed():
            return Deed(Doer("", Via.PAGE, refusal.address), AccessAction.SIGN_IN_DELAYED)
        case CredentialRefused():
            return Deed(Doer("", Via.API, refusal.address), AccessAction.TOKEN_REFUSED)
        case PermissionRefused():
            by = Doer(refusal.actor, refusal.via, refusal.address)
            # Room is left for what is said of the count.
            asked = f"{refusal.method} {refusal.path}"[:80]
            return Deed(by, AccessAction.PERMISSION_REFUSED, refusal.actor, f"{asked} as {refusal.role}")


def _is_power_of_ten(number: int) -> bool:
    while number % 10 == 0:
        number //= 10
    return number == 1
