"""Where a Redis is: what a REDIS_URL means, checked before anything is connected."""

from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

PORT: Final = 6379
SENTINEL_PORT: Final = 26379
# What TLS trusts and shows; names and meanings are the driver's, and what is not named keeps its strict default.
TLS_OPTIONS: Final = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
FORMS: Final = (
    "redis://user:password@host:6379/0, rediss://… for TLS, unix:///path/of/socket?db=0, or "
    "redis+sentinel://host:26379,host:26379/name/0"
)


class InvalidAddressError(ValueError):
    """This is no address of a Redis; the text says what is wrong with it and shows no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One Redis: the socket at `path`, the one of `hosts`, or the `primary` that the Sentinels at `hosts` name.

    `tls` is None where connections are not encrypted; else the driver's options that differ from the defaults.
    """

    hosts: tuple[tuple[str, int], ...] = ()
    path: str | None = None
    primary: str | None = None
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: dict[str, str] | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL; raises InvalidAddressError. Signs like @ and / in a password are percent-encoded."""
        try:
            parts = urlsplit(url)
        except ValueError:
            raise InvalidAddressError(f"is none of {FORMS}") from None
        scheme, _, sentinels = parts.scheme.partition("+")
        if scheme not in ("redis", "rediss", "unix") or sentinels not in ("", "sentinel") or parts.fragment:
            raise InvalidAddressError(f"is none of {FORMS}")
        options = dict(parse_qsl(parts.query))
        database = options.pop("db", "")
        path = unquote(parts.path)
        if scheme == "unix":
            hosts, primary = (), None
        else:
            hosts, primary, path, database = _reachable(parts, bool(sentinels), database)
        if unknown := options.keys() - (TLS_OPTIONS if scheme == "rediss" else frozenset()):
            raise InvalidAddressError(f"has options that are not known here: {', '.join(sorted(unknown))}")
        user, password = _access(parts.netloc)
        return cls(
            hosts=hosts,
            path=path or None,
            primary=primary,
            database=_database(database),
            username=user,
            password=password,
            tls=options if scheme == "rediss" else None,
        )

    def __str__(self) -> str:
        """Where it is, fit to be shown."""
        where = self.path or ", ".join(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts
        )
        return where if self.primary is None else f"{self.primary} at {where}"


def _reachable(
    parts: SplitResult, is_sentinel: bool, database: str
) -> tuple[tuple[tuple[str, int], ...], str | None, str, str]:
    """Hosts, name of the primary, no path, and the database, which may stand in the path."""
    hosts = _hosts(parts.netloc.rpartition("@")[2], SENTINEL_PORT if is_sentinel else PORT)
    path = parts.path.strip("/")
    if not is_sentinel:
        if len(hosts) > 1:
            raise InvalidAddressError("names several hosts, which only redis+sentinel:// has")
        return hosts, None, "", database or path
    name, _, number = path.partition("/")
    if not name:
        raise InvalidAddressError("lacks the name by which the Sentinels know the primary: redis+sentinel://host/name")
    return hosts, unquote(name), "", database or number


def _hosts(netloc: str, port: int) -> tuple[tuple[str, int], ...]:
    hosts = []
    for each in netloc.split(","):
        try:
            one = urlsplit(f"//{each}")
            hosts.append((one.hostname or "localhost", one.port or port))
        except ValueError:
            raise InvalidAddressError("has a port that is none") from None
    return tuple(hosts)


def _access(netloc: str) -> tuple[str | None, str | None]:
    user, _, password = netloc.rpartition("@")[0].partition(":")
    return unquote(user) or None, unquote(password) or None


def _database(text: str) -> int:
    if text and not (text.isascii() and text.isdecimal()):
        raise InvalidAddressError("names a database that is no number")
    return int(text or 0)
