import socket
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from redis import Redis

from tests.support.redis_servers import Kind, a_redis
from tests.support.repository import ROOT

pytestmark = pytest.mark.redis

STARTER = """
import sys
from tests.support.redis_servers import a_redis
with a_redis() as server:
    print(server.port, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("kind", Kind)
def test_a_killed_server_has_its_data_again_at_the_same_address(kind: Kind) -> None:
    with a_redis(kind, appendfsync="always", maxmemory="64mb") as server, Redis.from_url(server.url) as client:
        client.set("kept", "yes")
        before = server.pid

        server.restart()

        assert client.get("kept") == b"yes"
        assert server.pid != before
        assert client.config_get("maxmemory") == {"maxmemory": str(64 * 2**20)}


def answers(port: int) -> bool:
    """True if somebody takes connections there."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def test_a_server_ends_with_the_process_that_started_it() -> None:
    command = [sys.executable, "-c", STARTER]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        port = int(starter.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            starter.kill()

            # Its end closes the connection, or resets it if that was still waiting to be accepted.
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""
        deadline = time.monotonic() + 5
        while answers(port):
            assert time.monotonic() < deadline, "it still takes connections"


def test_a_server_that_refuses_its_options_says_why() -> None:
    with pytest.raises(AssertionError, match="no-such-option"), a_redis(no_such_option="yes"):
        pass
