"""JSON pointers (RFC 6901): by them faults and differences name the place in a document that they are about."""

from collections.abc import Iterable


def pointer_of(parts: Iterable[object]) -> str:
    """The pointer to the member that is found by these names and indexes, one behind the other; none: the whole."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def parts_of(pointer: str) -> list[str]:
    """The names and indexes a pointer is made of, in order."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
