"""The driver's errors on their way out: each becomes one of the ports' errors, with the driver's as its cause."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    RedisError,
)

from application.scheduling.ports.errors import (
    PortError,
    StoreFullError,
    StoreRefusedError,
    StoreUnavailableError,
)

# What no repetition will cure; AuthenticationError counts among the driver's connection errors.
_REFUSED = (AuthenticationError, AuthorizationError, NoPermissionError)


@contextmanager
def store_errors(doing: str) -> Iterator[None]:
    """Raise StoreRefusedError for what only people can mend, StoreUnavailableError for everything else of the driver.

    An answer that is an error counts as passing, too: a server that is full, loading, read-only or busy with a script
    says so in this way, and a process must not end of it.
    """
    try:
        yield
    except PortError:
        raise
    except _REFUSED as error:
        raise StoreRefusedError(f"{doing}: {error}") from error
    except OutOfMemoryError as error:
        full = "the server's memory is full: raise its maxmemory; until then nothing new is fired or created"
        raise StoreFullError(f"{doing}: {full}") from error
    except TimeoutError as error:
        raise StoreUnavailableError(f"{doing}: the store did not answer in time") from error
    except (RedisError, OSError) as error:
        raise StoreUnavailableError(f"{doing}: {_in_words(error)}") from error


def _in_words(error: Exception) -> str:
    match error:
        case InvalidResponse():
            return "what answers there does not speak the protocol of Redis (where TLS is spoken, use rediss://)"
        case _:
            return str(error)
