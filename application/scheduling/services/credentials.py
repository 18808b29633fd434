"""Secrets of our own making: how they are made, and the one form in which they are kept."""

from hashlib import sha256

from application.scheduling.ports.clock import Entropy
from domain.access.throttle import LoginKeys

PREFIX = "pps_"
"""Tells a token from every other text, so that scanners for leaked secrets can find it."""


def new_secret(entropy: Entropy) -> str:
    """256 random bits, in hexadecimal."""
    return entropy.token() + entropy.token()


def digest(secret: str) -> str:
    """What is kept of a secret: SHA-256. It need not be slow, for there is nothing to guess among 128 bits and more."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def login_keys(name: str, address: str) -> LoginKeys:
    """What an attempt is counted under. The address has no line feed, so no two pairs are one text."""
    return LoginKeys(account=digest(f"{address}\n{name}"), address=digest(address))
