"""What a DATABASE_URL of a PostgreSQL means."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.sql.postgres_address import InvalidAddressError, PostgresAddress, address_of, parse_address
from application.scheduling.ports.errors import StoreRefusedError


def at(*hosts: tuple[str, int], **named: Any) -> PostgresAddress:
    return PostgresAddress(database="pie", hosts=hosts, **named)


@pytest.mark.parametrize(
    ("url", "meant", "shown"),
    [
        ("postgres://db/pie", at(("db", 5432)), "pie at db:5432"),
        ("postgresql://me:secret@db:6543/pie", at(("db", 6543), user="me", password="secret"), "pie at db:6543"),
        ("postgresql+asyncpg://me@db/pie", at(("db", 5432), user="me"), "pie at db:5432"),
        ("postgresql://me:p%40s%2Fs%25@db/pie", at(("db", 5432), user="me", password="p@s/s%"), "pie at db:5432"),
        ("postgresql://me:a@b@db/pie", at(("db", 5432), user="me", password="a@b"), "pie at db:5432"),
        ("postgresql://[::1]:7000/pie", at(("::1", 7000)), "pie at [::1]:7000"),
        (
            "postgresql://a:1,b,c:3/pie",
            at(("a", 1), ("b", 5432), ("c", 3), target="read-write"),
            "pie at a:1, b:5432, c:3",
        ),
        ("postgresql:///pie", at(), "pie at this machine"),
        ("postgresql:///pie?port=5433", at(("localhost", 5433)), "pie at localhost:5433"),
        ("postgresql://me@/pie?host=/run/pg", at(("/run/pg", 5432), user="me"), "pie at /run/pg:5432"),
        ("postgresql://%2Frun%2Fpg:7/pie", at(("/run/pg", 7)), "pie at /run/pg:7"),
        (
            "postgresql:///pie?host=a,b&port=7&target_session_attrs=any",
            at(("a", 7), ("b", 7), target="any"),
            "pie at a:7, b:7",
        ),
        ("postgresql:///pie?host=a,b&port=7,8", at(("a", 7), ("b", 8), target="read-write"), "pie at a:7, b:8"),
        ("postgresql://db/pie?sslmode=require", at(("db", 5432), tls={"sslmode": "require"}), "pie at db:5432"),
        ("postgresql+asyncpg://db/pie?ssl=require", at(("db", 5432), tls={"sslmode": "require"}), "pie at db:5432"),
        (
            "postgresql://db/pie?sslmode=verify-ca&sslrootcert=/ca&sslcert=/crt&sslkey=/key",
            at(("db", 5432), tls={"sslmode": "verify-ca", "sslrootcert": "/ca", "sslcert": "/crt", "sslkey": "/key"}),
            "pie at db:5432",
        ),
        (
            "postgresql://db/pie?application_name=me&connect_timeout=9",
            at(("db", 5432), application="me", connect_timeout=timedelta(seconds=9)),
            "pie at db:5432",
        ),
        ("postgresql://db/pie?pgbouncer=true", at(("db", 5432), is_pooled=True), "pie at db:5432"),
        ("postgresql://db/p%20e", PostgresAddress(database="p e", hosts=(("db", 5432),)), "p e at db:5432"),
    ],
)
def test_an_address_is_read_and_shown_without_its_secrets(url: str, meant: PostgresAddress, shown: str) -> None:
    address = parse_address(url)

    assert address == meant
    assert str(address) == shown
    assert address.password is None or address.password not in repr(address)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("mysql://db/pie", "is none of postgresql://"),
        ("postgresql+psycopg://db/pie", "is none of postgresql://"),
        ("postgresql://[::1/pie", "is none of postgresql://"),
        ("postgresql://me:s#cret@db/pie", "is none of postgresql://"),
        ("postgresql://db", "names no database"),
        ("postgresql://db/pie/2", "names no database"),
        ("postgresql://me:s/cret@db/pie", "a port that is none .*%2F"),
        ("postgresql://db:x/pie", "a port that is none"),
        ("postgresql://db:0/pie", "a port that is none"),
        ("postgresql://db:70000/pie", "a port that is none"),
        ("postgresql:///pie?port=70000", "a port that is none"),
        ("postgresql:///pie?host=a,b,c&port=1,2", "another number of ports"),
        ("postgresql://db/pie?host=b", "names its hosts twice"),
        ("postgresql://db/pie?sslmode=on", "sslmode that is none of disable, allow"),
        ("postgresql://db/pie?sslmode=verify-full", "without whom to trust"),
        ("postgresql://db/pie?sslmode=require&sslrootcert=system", "goes with sslmode=verify-full"),
        ("postgresql://db/pie?sslmode=verify-full&sslrootcert=system&sslcert=/crt", "no other files"),
        ("postgresql://db/pie?connect_timeout=0", "a connect_timeout that is not one of 1 to 60"),
        ("postgresql://db/pie?pgbouncer=yes", "pgbouncer that is none of true, false"),
        ("postgresql://a,b/pie?target_session_attrs=standby", "target_session_attrs that is none of any, primary"),
        # What would be promised and not kept.
        ("postgresql://db/pie?channel_binding=require", "not known here: channel_binding"),
        ("postgresql://db/pie?options=-csearch_path%3Dx&password=hunter2", "not known here: options, password$"),
    ],
)
def test_what_is_no_address_is_refused_in_words_without_its_secrets(url: str, fault: str) -> None:
    with pytest.raises(InvalidAddressError, match=fault) as refused:
        parse_address(url)

    assert "cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "given"),
    [
        (
            "postgresql://me:x@a,b:7/pie",
            {
                "host": ["a", "b"],
                "port": [5432, 7],
                "user": "me",
                "password": "x",
                "target_session_attrs": "read-write",
            },
        ),
        ("postgresql:///pie", {"host": None, "port": None, "user": None, "password": None, "database": "pie"}),
        ("postgresql://a/pie", {"dsn": "postgresql:///?sslmode=prefer", "ssl": None, "timeout": 5.0}),
        (
            "postgresql://a/pie?sslmode=verify-ca&sslrootcert=/c%20a",
            {"dsn": "postgresql:///?sslmode=verify-ca&sslrootcert=%2Fc+a"},
        ),
        (
            "postgresql://a/pie?sslmode=verify-full&sslrootcert=system",
            {"dsn": "postgresql:///?sslmode=verify-full", "ssl": True},
        ),
        ("postgresql://a/pie", {"server_settings": {"application_name": "peachpie-scheduler"}}),
        ("postgresql://a/pie?pgbouncer=true", {"statement_cache_size": 0}),
    ],
)
def test_the_driver_is_told_what_the_address_says(url: str, given: dict[str, Any]) -> None:
    options = parse_address(url).options()

    assert {name: options[name] for name in given} == given
    assert ("statement_cache_size" in options) == ("pgbouncer" in url)


def test_files_that_cannot_be_read_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    url = f"postgresql://me:secret@db/pie?sslmode=verify-ca&sslrootcert={tmp_path}/ca.pem"

    assert address_of(url).tls["sslrootcert"] == f"{tmp_path}/ca.pem"
    with pytest.raises(StoreRefusedError, match=r"^DATABASE_URL names a file that can't be read: sslcert=/nowhere$"):
        address_of(f"{url}&sslcert=/nowhere")
    with pytest.raises(StoreRefusedError, match=r"^DATABASE_URL names no database"):
        address_of("postgresql://db")
