"""What the content database can answer when it will not do what it was asked."""

from application.scheduling.ports.errors import PortError, StoreUnavailableError


class ContentRefusedError(PortError):
    """The content database is not as the step needs it, and asking again will not help; nothing was changed.

    `code` is `schema_mismatch`, `unknown_dependents` or `unindexed_fk`; the text names the tables and columns.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class StepBusyError(StoreUnavailableError):
    """Others held what the step needed, or it took too long; it changed nothing, and a moment later it may pass.

    `is_too_long`: a step of fewer rows has a better chance.
    """

    def __init__(self, detail: str, *, is_too_long: bool) -> None:
        super().__init__(detail)
        self.is_too_long = is_too_long


class FenceLostError(PortError):
    """Another run, with a higher fence, has taken over the checkpoint; the step changed nothing: stop."""
