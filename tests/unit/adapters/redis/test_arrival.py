"""What a server must be like to hold a store, by what INFO says of it."""

import pytest

from adapters.redis.arrival import durability_of, fault_of

FIT = {"redis_version": "7.0.15", "role": "master", "cluster_enabled": "0", "maxmemory_policy": "noeviction"}


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ({}, None),
        ({"redis_version": "7.0.0"}, None),
        ({"redis_version": "10.1.2-rc1"}, None),
        ({"redis_version": "6.2.14"}, "is Redis 6.2.14: at least 7.0 is needed"),
        ({"redis_version": "7.2.4", "valkey_version": "8.0.1"}, None),
        ({"redis_version": "7.2.4", "valkey_version": "7.2.5"}, "is Valkey 7.2.5: at least 8.0 is needed"),
        ({"cluster_enabled": "1"}, "is a Redis Cluster"),
        ({"maxmemory_policy": "allkeys-lru"}, "maxmemory-policy allkeys-lru"),
        ({"role": "slave", "master_host": "r", "master_port": "7000"}, "is a replica of r:7000"),
        ({"maxmemory_policy": "volatile-ttl"}, "set it to noeviction"),
    ],
)
def test_a_server_is_fit_or_one_line_says_why_not(facts: dict[str, str], fault: str | None) -> None:
    found = fault_of({**FIT, **facts})

    if fault is None:
        assert found is None
    else:
        assert found is not None
        assert fault in found
        assert "\n" not in found


def test_a_server_without_an_append_only_file_is_told_of() -> None:
    assert durability_of({"aof_enabled": "1"}) is None
    assert "durability class R-" in str(durability_of({"aof_enabled": "0"}))
