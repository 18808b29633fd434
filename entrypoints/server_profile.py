"""What follows from a store being on a server: anybody may serve it beside others, and its time is the server's."""

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from adapters.system.entropy import SystemEntropy
from adapters.system.store_clock import StoreClock
from application.scheduling.ports.clock import Entropy
from application.scheduling.ports.errors import StoreRefusedError
from entrypoints.settings import InvalidSettingsError, without_password
from entrypoints.stores import MovableStores, Stores


@dataclass(frozen=True, slots=True)
class ServerProfile(ABC):
    """The part of `Profile` that every server's has; `clock` is told by the replies what time it is there."""

    url: str = field(repr=False)
    clock: StoreClock = field(default_factory=StoreClock, kw_only=True)

    @property
    def where(self) -> str:
        """See the protocol."""
        return without_password(self.url)

    def lock(self) -> None:  # noqa: B027 - there is none, whichever server it is
        """See the protocol."""

    def check(self) -> None:
        """See the protocol."""
        try:
            self._read_addresses()
        except StoreRefusedError as error:
            raise InvalidSettingsError((str(error),)) from None

    def open_store(self) -> AbstractAsyncContextManager[Stores]:
        """See the protocol."""
        return self._opened(SystemEntropy(), for_transfer=False)

    def open_begun_store(self) -> AbstractAsyncContextManager[Stores]:
        """See the protocol."""
        return self._opened(None, for_transfer=False)

    def open_for_transfer(self, *, begun: bool) -> AbstractAsyncContextManager[MovableStores]:
        """See the protocol."""
        return self._opened(None if begun else SystemEntropy(), for_transfer=True)

    @abstractmethod
    def _read_addresses(self) -> None:
        """Raise StoreRefusedError for a URL that is no address."""

    @abstractmethod
    def _opened(self, entropy: Entropy | None, *, for_transfer: bool) -> AbstractAsyncContextManager[MovableStores]:
        """The store; `entropy` names one that is new, None: none is begun, but refused."""
