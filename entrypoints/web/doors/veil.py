"""Whether the request that is being answered may show payloads and results.

Known to whatever reads in the request's own context and to nothing else: the service's loops read with other eyes.
"""

from contextvars import ContextVar

_VEILED: ContextVar[bool] = ContextVar("veiled", default=False)


def is_veiled() -> bool:
    """True if what is read now is to be without payloads and results."""
    return _VEILED.get()


def set_veil(is_on: bool) -> None:
    """Say so for the rest of this request; a connection's next request says it anew."""
    _VEILED.set(is_on)
