"""Collecting what is wrong with an input, so that one answer tells all of it."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from domain.errors import DomainError, InvalidInputError

T = TypeVar("T")


class Faults:
    """What was found so far, in order, each fault once."""

    def __init__(self) -> None:
        self._found: list[DomainError] = []

    def or_else(self, instead: T, judge: Callable[[], T]) -> T:
        """The value, or `instead` if judging it raised a DomainError, which is kept."""
        try:
            return judge()
        except InvalidInputError as several:
            self.extend(several.faults)
        except DomainError as fault:
            self.extend((fault,))
        return instead

    def extend(self, faults: Iterable[DomainError]) -> None:
        """Keep these too, apart from those that were found before."""
        known = {(fault.pointer, fault.reason) for fault in self._found}
        self._found.extend(fault for fault in faults if (fault.pointer, fault.reason) not in known)

    @property
    def found(self) -> tuple[DomainError, ...]:
        """What was found so far."""
        return tuple(self._found)

    def throw(self) -> None:
        """Raise InvalidInputError if anything was found."""
        if self._found:
            raise InvalidInputError(tuple(self._found))
