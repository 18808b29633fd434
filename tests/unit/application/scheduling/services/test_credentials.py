"""Secrets of our own making, and what attempts are counted under."""

import pytest

from application.scheduling.services.credentials import digest, login_keys, new_secret
from tests.support.recorders import CountingEntropy


def test_a_secret_is_two_draws_long_and_kept_as_its_sha256() -> None:
    secret = new_secret(CountingEntropy())

    assert len(bytes.fromhex(secret)) * 8 == 256
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest("\ud800") != digest("?")


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1:2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("fe80::%eth0", "fe80::%eth1", True),
        ("unknown", "unknown", True),
    ],
)
def test_attempts_are_counted_by_the_network_they_come_from(one: str, other: str, alike: bool) -> None:
    assert (login_keys("ana", one) == login_keys("ana", other)) is alike


def test_accounts_are_counted_apart_and_their_address_together() -> None:
    ana, bob = login_keys("ana", "192.0.2.1"), login_keys("bob", "192.0.2.1")

    assert ana.account != bob.account
    assert ana.address == bob.address
    assert "ana" not in repr(ana)
