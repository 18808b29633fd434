"""The reasons that people give for what concerns a whole store."""

from domain.access.record import TEXT_MAX, storable
from domain.errors import InvalidTaskError


def checked_reason(reason: str, *, least: int) -> str:
    """The reason as it is kept. Raises InvalidTaskError unless it has `least` to TEXT_MAX characters."""
    if not least <= len(reason.strip()) <= TEXT_MAX:
        raise InvalidTaskError(f"{least} to {TEXT_MAX} characters that say why", code="out_of_range", pointer="/reason")
    return storable(reason.strip())
