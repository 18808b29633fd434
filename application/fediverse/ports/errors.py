"""What the content database can answer when it will not do what it was asked."""

from application.scheduling.ports.errors import PortError


class ContentRefusedError(PortError):
    """The content database is not as the step needs it, and asking again will not help; nothing was changed.

    `code` is `schema_mismatch`, `unknown_dependents` or `unindexed_fk`; the text names the tables and columns.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class FenceLostError(PortError):
    """Another run, with a higher fence, has taken over the checkpoint; the step changed nothing: stop."""
