"""What a REDIS_URL means."""

import pytest

from adapters.redis.address import Address, InvalidAddressError, parse_address


@pytest.mark.parametrize(
    ("url", "meant", "shown"),
    [
        ("redis://localhost", Address(hosts=(("localhost", 6379),)), "localhost:6379"),
        ("redis://", Address(hosts=(("localhost", 6379),)), "localhost:6379"),
        ("redis://r:7000/3", Address(hosts=(("r", 7000),), database=3), "r:7000"),
        ("redis://r/?db=3", Address(hosts=(("r", 6379),), database=3), "r:6379"),
        ("redis://[::1]:7000", Address(hosts=(("::1", 7000),)), "[::1]:7000"),
        ("redis://:p%40ss@r", Address(hosts=(("r", 6379),), password="p@ss"), "r:6379"),
        ("redis://me:a@b@r", Address(hosts=(("r", 6379),), username="me", password="a@b"), "r:6379"),
        (
            "rediss://me@r?ssl_ca_certs=/etc/ca.pem",
            Address(hosts=(("r", 6379),), username="me", tls={"ssl_ca_certs": "/etc/ca.pem"}),
            "r:6379",
        ),
        ("unix:///run/redis.sock?db=2", Address(path="/run/redis.sock", database=2), "/run/redis.sock"),
        ("unix://me:x@/run/a%20b", Address(path="/run/a b", username="me", password="x"), "/run/a b"),
        (
            "redis+sentinel://:x@s1,s2:7001/main/4",
            Address(hosts=(("s1", 26379), ("s2", 7001)), primary="main", database=4, password="x"),
            "main at s1:26379, s2:7001",
        ),
        (
            "redis+sentinel://s1/main?sentinel_username=ask&sentinel_password=a+%26%40",
            Address(hosts=(("s1", 26379),), primary="main", sentinel_username="ask", sentinel_password="a+&@"),
            "main at s1:26379",
        ),
        (
            "rediss+sentinel://s1/main?ssl_ca_certs=/ca",
            Address(
                hosts=(("s1", 26379),),
                primary="main",
                tls={"ssl_ca_certs": "/ca"},
                sentinel_tls={"ssl_ca_certs": "/ca"},
            ),
            "main at s1:26379",
        ),
        (
            "rediss+sentinel://s1/main?sentinel_tls=no",
            Address(hosts=(("s1", 26379),), primary="main", tls={}),
            "main at s1:26379",
        ),
    ],
)
def test_an_address_is_read_and_shown_without_its_secrets(url: str, meant: Address, shown: str) -> None:
    address = parse_address(url)

    assert address == meant
    assert str(address) == shown
    for secret in (address.password, address.sentinel_password):
        assert secret is None or secret not in repr(address)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://r", "is none of redis://"),
        ("redis://[::1", "is none of redis://"),
        ("unix://run/redis.sock", "is none of redis://"),
        ("redis://r:x", "a port that is none"),
        ("redis://r:70000", "a port that is none"),
        ("redis://r/tasks", "a database that is no number"),
        ("redis://r/-1", "a database that is no number"),
        ("redis://r/100000", "a database that is no number"),
        ("redis://r1,r2/0", "names several hosts"),
        ("redis+sentinel://s1", "lacks the primary's name"),
        ("redis://r?decode_responses=1", "not known here: decode_responses"),
        ("redis://r?ssl_ca_certs=x", "not known here: ssl_ca_certs"),
        ("redis://r?sentinel_password=x", "not known here: sentinel_password"),
        ("redis+sentinel://s1/main?sentinel_tls=no", "not known here: sentinel_tls"),
        ("rediss+sentinel://s1/main?sentinel_tls=maybe", "another sentinel_tls than no"),
        # What would trust anybody.
        ("rediss://r?ssl_cert_reqs=none", "not known here: ssl_cert_reqs"),
    ],
)
def test_what_is_no_address_is_refused_in_words(url: str, fault: str) -> None:
    with pytest.raises(InvalidAddressError, match=fault):
        parse_address(url)
