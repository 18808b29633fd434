"""Seeing that who changes much at once has read how much that is."""

from domain.errors import InvalidTaskError


def check_count(typed: str, count: int, noun: str) -> None:
    """Take what was typed only if it is how many there are. Raises InvalidTaskError (`not_confirmed`)."""
    if typed.strip() != str(count):
        told = f"confirm how many {noun} there are: {count}"
        raise InvalidTaskError(told, code="not_confirmed", pointer="/confirm")
