"""Where a Redis is: what a REDIS_URL means, checked before anything is connected."""

from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

PORT: Final = 6379
SENTINEL_PORT: Final = 26379
# What TLS trusts and shows; names and meanings are the driver's, and what is not named keeps its strict default.
TLS_OPTIONS: Final = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
SENTINEL_OPTIONS: Final = frozenset({"sentinel_username", "sentinel_password"})
SENTINEL_TLS: Final = "sentinel_tls"
FORMS: Final = (
    "redis://user:password@host:6379/0, rediss://… for TLS, unix:///path/of/socket?db=0, or "
    "redis+sentinel://host:26379,host:26379/name/0"
)


_SIGNS: Final = "in a password, @ / ? # and % are written %40 %2F %3F %23 and %25"


class InvalidAddressError(ValueError):
    """This is no address of a Redis; the text says what is wrong with it and shows no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One Redis: the socket at `path`, the one of `hosts`, or the `primary` that the Sentinels at `hosts` name.

    `tls` is None where connections are not encrypted; else the driver's options that differ from its defaults.
    Sentinels have users of their own, and may be asked in the clear where the primary is not.
    """

    hosts: tuple[tuple[str, int], ...] = ()
    path: str | None = None
    primary: str | None = None
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: dict[str, str] | None = None
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    sentinel_tls: dict[str, str] | None = None

    def __str__(self) -> str:
        """Where it is, fit to be shown."""
        hosts = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        where = self.path or ", ".join(hosts)
        return where if self.primary is None else f"{self.primary} at {where}"


def parse_address(url: str) -> Address:
    """Read a URL; raises InvalidAddressError. Signs such as @ and / in a password are percent-encoded."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidAddressError(f"is none of {FORMS}") from None
    # A plus is one: it is a space in what forms send alone.
    options = dict(parse_qsl(parts.query.replace("+", "%2B")))
    database = options.pop("db", "")
    is_encrypted = parts.scheme.startswith("rediss")
    _check(options, is_encrypted=is_encrypted, has_sentinels=parts.scheme.endswith("+sentinel"))
    address = _place(parts, database)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    tls = {name: value for name, value in options.items() if name in TLS_OPTIONS} if is_encrypted else None
    return replace(
        address,
        username=unquote(user) or None,
        password=unquote(password) or None,
        tls=tls,
        sentinel_username=options.get("sentinel_username"),
        sentinel_password=options.get("sentinel_password"),
        sentinel_tls=tls if address.primary is not None and options.get(SENTINEL_TLS) != "no" else None,
    )


def _check(options: dict[str, str], *, is_encrypted: bool, has_sentinels: bool) -> None:
    known = TLS_OPTIONS if is_encrypted else frozenset()
    known |= SENTINEL_OPTIONS if has_sentinels else frozenset()
    known |= {SENTINEL_TLS} if is_encrypted and has_sentinels else frozenset()
    if unknown := options.keys() - known:
        raise InvalidAddressError(f"has options that are not known here: {', '.join(sorted(unknown))}")
    if options.get(SENTINEL_TLS, "no") != "no":
        raise InvalidAddressError(f"has another {SENTINEL_TLS} than no")


def _place(parts: SplitResult, database: str) -> Address:
    path = unquote(parts.path)
    match parts.scheme:
        case "unix" if path.startswith("/") and not parts.netloc.rpartition("@")[2]:
            return Address(path=path, database=_number(database))
        case "redis" | "rediss":
            hosts = _hosts(parts, PORT)
            if len(hosts) > 1:
                raise InvalidAddressError("names several hosts, as only redis+sentinel:// does")
            return Address(hosts=hosts, database=_number(database or path.strip("/")))
        case "redis+sentinel" | "rediss+sentinel":
            name, _, number = path.strip("/").partition("/")
            if not name:
                raise InvalidAddressError("lacks the primary's name, as in redis+sentinel://host:26379/name/0")
            return Address(hosts=_hosts(parts, SENTINEL_PORT), primary=name, database=_number(database or number))
        case _:
            raise InvalidAddressError(f"is none of {FORMS}")


def _hosts(parts: SplitResult, port: int) -> tuple[tuple[str, int], ...]:
    netloc = parts.netloc.rpartition("@")[2]
    try:
        each = [urlsplit(f"//{host}") for host in netloc.split(",")]
        return tuple((one.hostname or "localhost", port if one.port is None else one.port) for one in each)
    except ValueError:
        raise InvalidAddressError(f"has a port that is none ({_SIGNS})") from None


def _number(text: str) -> int:
    if text and not (text.isascii() and text.isdecimal() and len(text) <= len("16383")):
        raise InvalidAddressError(f"names a database that is no number ({_SIGNS})")
    return int(text or 0)
