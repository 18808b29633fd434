"""Reading who changed what, over all tasks."""

from dataclasses import dataclass

from application.scheduling.ports.history import AuditFilter, AuditPage, History


@dataclass(frozen=True, slots=True)
class InspectAudit:
    """The audit trail. May raise StoreUnavailableError, and DomainError (`bad_cursor`)."""

    history: History

    async def changes(self, which: AuditFilter, *, limit: int, cursor: str | None = None) -> AuditPage:
        """A page of the changes of all tasks, newest first."""
        return await self.history.audit(which, limit=limit, cursor=cursor)
