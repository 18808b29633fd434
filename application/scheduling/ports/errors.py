"""What a port can answer when it cannot answer."""

from domain.errors import SchedulerError


class PortError(SchedulerError):
    """Something outside did not do what it was asked; whether it did it in part is told by the port's contract."""


class StoreUnavailableError(PortError):
    """The store does not answer for now; the call may be repeated, and may have been carried out."""


class StoreFullError(StoreUnavailableError):
    """The store has no room for anything new until somebody makes some; what is there can be read, and ended."""


class StoreRefusedError(PortError):
    """The store answers and refuses for good (a newer schema, a read-only file): say so and stop."""
