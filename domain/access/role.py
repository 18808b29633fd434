"""What somebody may do: four roles, each including the one before."""

from enum import StrEnum


class Role(StrEnum):
    """A role, from the least to the most."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """True if whoever has this role may do all that the other may."""
        return _RANKS[self] >= _RANKS[other]

    def within(self, other: "Role") -> "Role":
        """The lesser of the two: a token never may more than the person it belongs to."""
        return self if other.includes(self) else other


_RANKS = {role: rank for rank, role in enumerate(Role)}
