"""What the driver's errors become: who may try again, who must be told, and in which words."""

import pytest
from redis.exceptions import AuthenticationError, InvalidResponse, NoPermissionError, OutOfMemoryError, ReadOnlyError
from redis.exceptions import ConnectionError as DisconnectedError

from adapters.redis.errors import store_errors
from application.scheduling.ports.errors import PortError, StoreFullError, StoreRefusedError, StoreUnavailableError


@pytest.mark.parametrize(
    ("error", "told_as", "words"),
    [
        (AuthenticationError("WRONGPASS"), StoreRefusedError, "WRONGPASS"),
        (NoPermissionError("this user has no permissions"), StoreRefusedError, "this user has no permissions"),
        (DisconnectedError("Connection closed by server."), StoreUnavailableError, "Connection closed by server."),
        (ReadOnlyError("You can't write"), StoreUnavailableError, "You can't write"),
        (ConnectionResetError("reset by peer"), StoreUnavailableError, "reset by peer"),
        (TimeoutError(), StoreUnavailableError, "did not answer in time"),
        (OutOfMemoryError("command not allowed"), StoreFullError, "raise its maxmemory"),
        (InvalidResponse('Protocol error, got "H"'), StoreUnavailableError, "does not speak the protocol of Redis"),
        (StoreRefusedError("fire: was refused already"), StoreRefusedError, "was refused already"),
    ],
)
def test_an_error_of_the_driver_says_what_was_done_and_what_can_be_done_about_it(
    error: Exception, told_as: type[PortError], words: str
) -> None:
    with pytest.raises(told_as) as told, store_errors("fire"):
        raise error

    assert str(told.value).startswith("fire: ")
    assert words in str(told.value)
