"""Where a PostgreSQL is: what a DATABASE_URL means, checked before anything is connected.

Forms and options are those of libpq's connection URIs (PostgreSQL's documentation, 32.1.1.2 and 32.1.2) as far as the
driver can keep them; an option that is not known here is refused, as ignoring one such as `channel_binding` would.
What the URL leaves open, a user or a password, the driver looks for where libpq does (PGUSER, PGPASSWORD, ~/.pgpass).
"""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from application.scheduling.ports.errors import StoreRefusedError

PORT: Final = 5432
CONNECT_TIMEOUT: Final = timedelta(seconds=5)
CONNECT_SECONDS_MAX: Final = 60
APPLICATION: Final = "peachpie-scheduler"
SCHEMES: Final = frozenset({"postgres", "postgresql", "postgresql+asyncpg"})
FORMS: Final = "postgresql://user:password@host:5432/database, or postgresql://user@/database?host=/run/postgresql"
SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SSL_FILES: Final = frozenset({"sslrootcert", "sslcert", "sslkey", "sslcrl"})
SSL_OPTIONS: Final = frozenset({"sslmode", "sslnegotiation", "ssl_min_protocol_version", *SSL_FILES})
PLACE_OPTIONS: Final = frozenset({"host", "port"})
SESSION_OPTIONS: Final = frozenset({"application_name", "connect_timeout", "target_session_attrs", "pgbouncer"})
TARGETS: Final = ("any", "primary", "read-write")
# What `sslrootcert` says for the authorities that this machine trusts.
SYSTEM: Final = "system"

_SIGNS: Final = "in a password, @ / ? # and % are written %40 %2F %3F %23 and %25"


class InvalidAddressError(ValueError):
    """This is no address of a PostgreSQL; the text says what is wrong with it and shows no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresAddress:
    """One database on one server, which may be any of `hosts`; a host that begins with / is a folder of sockets.

    Without hosts it is on this machine. `is_pooled`: between it and us a pooler (PgBouncer) gives every transaction
    another session, so nothing of a session lasts. `tls` are libpq's options, by name.
    """

    database: str
    hosts: tuple[tuple[str, int], ...] = ()
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: dict[str, str] = field(default_factory=dict)
    target: str | None = None
    application: str = APPLICATION
    connect_timeout: timedelta = CONNECT_TIMEOUT
    is_pooled: bool = False

    def __str__(self) -> str:
        """Where it is, fit to be shown."""
        places = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        return f"{self.database} at {', '.join(places) or 'this machine'}"

    def options(self) -> dict[str, Any]:
        """The arguments of asyncpg.connect that lead there; TLS files are read anew by every connection."""
        # The driver takes libpq's options of TLS in a URL only, and has no word for the machine's authorities there.
        tls, trusts_system = {"sslmode": "prefer", **self.tls}, self.tls.get("sslrootcert") == SYSTEM
        if trusts_system:
            del tls["sslrootcert"]
        return {
            "dsn": f"postgresql:///?{urlencode(tls)}",
            "ssl": True if trusts_system else None,
            "host": [host for host, _ in self.hosts] or None,
            "port": [port for _, port in self.hosts] or None,
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "timeout": self.connect_timeout.total_seconds(),
            "target_session_attrs": self.target,
            "server_settings": {"application_name": self.application},
            **({"statement_cache_size": 0} if self.is_pooled else {}),
        }


def address_of(url: str) -> PostgresAddress:
    """The database that a DATABASE_URL names. Raises StoreRefusedError if it names none, or a file that can't be read.

    Nothing is connected for that.
    """
    try:
        address = parse_address(url)
    except InvalidAddressError as error:
        raise StoreRefusedError(f"DATABASE_URL {error}") from None
    for name in sorted(SSL_FILES & address.tls.keys()):
        path = address.tls[name]
        if path != SYSTEM and not os.access(path, os.R_OK):
            raise StoreRefusedError(f"DATABASE_URL names a file that can't be read: {name}={path}")
    return address


def parse_address(url: str) -> PostgresAddress:
    """Read a URL; raises InvalidAddressError. Signs such as @ and / in a password are percent-encoded."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidAddressError(f"is none of {FORMS}") from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme not in SCHEMES or parts.fragment:
        raise InvalidAddressError(f"is none of {FORMS} ({_SIGNS})")
    if "ssl" in options:  # SQLAlchemy's word for it, in postgresql+asyncpg://
        options.setdefault("sslmode", options.pop("ssl"))
    if unknown := options.keys() - SSL_OPTIONS - PLACE_OPTIONS - SESSION_OPTIONS:
        raise InvalidAddressError(f"has options that are not known here: {', '.join(sorted(unknown))}")
    hosts = _hosts(parts, options)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    return PostgresAddress(
        database=_database(parts),
        hosts=hosts,
        user=unquote(user) or None,
        password=unquote(password) or None,
        tls=_tls(options),
        # Of several servers one is the primary, and which may change (libpq's own default is whichever answers).
        target=_one_of(TARGETS, options, "target_session_attrs") or ("read-write" if len(hosts) > 1 else None),
        application=options.get("application_name") or APPLICATION,
        connect_timeout=_connect_timeout(options),
        is_pooled=_one_of(("true", "false"), options, "pgbouncer") == "true",
    )


def _database(parts: SplitResult) -> str:
    database = unquote(parts.path.removeprefix("/"))
    if not database or "/" in database:
        raise InvalidAddressError(f"names no database, as in {FORMS} ({_SIGNS})")
    return database


def _hosts(parts: SplitResult, options: dict[str, str]) -> tuple[tuple[str, int], ...]:
    """Those between // and /, or else those of the options, where a port may stand for all."""
    named = [each for each in parts.netloc.rpartition("@")[2].split(",") if each]
    if named and options.keys() & PLACE_OPTIONS:
        raise InvalidAddressError("names its hosts twice, before the database and as an option")
    try:
        if named:
            return tuple(_place(each) for each in named)
        ports = [_port(each) for each in options.get("port", str(PORT)).split(",")]
    except ValueError:
        raise InvalidAddressError(f"has a port that is none ({_SIGNS})") from None
    hosts = [each for each in options.get("host", "").split(",") if each]
    if "port" in options:
        hosts = hosts or ["localhost"]
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise InvalidAddressError("has another number of ports than of hosts")
    return tuple(zip(hosts, ports, strict=True))


def _place(text: str) -> tuple[str, int]:
    host = urlsplit(f"//{text}")
    # A folder of sockets may stand there as well, its slashes encoded.
    return unquote(host.hostname or "localhost"), PORT if host.port is None else _port(str(host.port))


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65_536:
        raise ValueError(text)
    return port


def _tls(options: dict[str, str]) -> dict[str, str]:
    tls = {name: value for name, value in options.items() if name in SSL_OPTIONS}
    mode = _one_of(SSL_MODES, options, "sslmode") or ""
    if mode.startswith("verify") and not tls.get("sslrootcert"):
        raise InvalidAddressError(f"says sslmode={mode} without whom to trust: add sslrootcert=/path, or =system")
    if tls.get("sslrootcert") == SYSTEM and (mode != "verify-full" or len(SSL_FILES & tls.keys()) > 1):
        raise InvalidAddressError("says sslrootcert=system, which goes with sslmode=verify-full and no other files")
    return tls


def _one_of(known: tuple[str, ...], options: dict[str, str], name: str) -> str | None:
    value = options.get(name)
    if value is not None and value not in known:
        raise InvalidAddressError(f"has an option {name} that is none of {', '.join(known)}")
    return value


def _connect_timeout(options: dict[str, str]) -> timedelta:
    text = options.get("connect_timeout", "")
    if not text:
        return CONNECT_TIMEOUT
    if not text.isdecimal() or not 1 <= int(text) <= CONNECT_SECONDS_MAX:
        raise InvalidAddressError(f"has a connect_timeout that is not one of 1 to {CONNECT_SECONDS_MAX} seconds")
    return timedelta(seconds=int(text))
