"""Secrets of our own making: how they are made, and the one form in which they are kept."""

from hashlib import sha256
from ipaddress import ip_address, ip_network

from application.scheduling.ports.clock import Entropy
from domain.access.throttle import LoginKeys

IPV6_PREFIX_BITS = 64
PREFIX = "pps_"
"""Tells a token from every other text, so that scanners for leaked secrets can find it."""


def new_secret(entropy: Entropy) -> str:
    """256 random bits, in hexadecimal."""
    return entropy.token() + entropy.token()


def digest(secret: str) -> str:
    """What is kept of a secret: SHA-256. It need not be slow, for there is nothing to guess among 128 bits and more."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def login_keys(name: str, address: str) -> LoginKeys:
    """What an attempt is counted under: the account as tried from an address, and the address alone.

    Of IPv6 the first half counts, for whoever has one address there has 2 to the 64th.
    """
    counted = network(address)
    # A network has no line feed, so no two pairs are one text.
    return LoginKeys(account=digest(f"{counted}\n{name}"), address=digest(counted))


def network(address: str) -> str:
    """The network whose addresses count as one sender: IPv4's single address, IPv6's /64; other text as it is."""
    try:
        # What stands behind a % says which interface it came in by; of all zeros before it, Python would keep it.
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return address if found.version == 4 else str(ip_network((found, IPV6_PREFIX_BITS), strict=False))
