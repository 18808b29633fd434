"""Encrypted connections: made to the server whose certificate was vouched for, and to no other."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from adapters.redis import sentinel
from adapters.redis.address import parse_address
from adapters.redis.opening import open_redis_store
from application.scheduling.ports.errors import StoreRefusedError, StoreUnavailableError
from tests.support.recorders import CountingEntropy
from tests.support.redis_servers import Kind, RedisServer, a_redis, a_sentinel, free_port
from tests.support.repository import missing

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that vouches for itself and for the name localhost; its key lies beside it."""
    program = shutil.which("openssl") or missing("no openssl was found, which makes certificates")
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    out = ("-out", path, "-keyout", path.with_suffix(".key"))
    subprocess.run([program, "req", "-x509", *curve, *names, *out], check=True, capture_output=True)
    return path


def tls_options(certificate: Path, port: int) -> dict[str, str]:
    """What lets a server speak TLS at this port, and vouch for itself."""
    return {
        "tls-port": str(port),
        "tls-auth-clients": "no",
        "tls-cert-file": str(certificate),
        "tls-key-file": str(certificate.with_suffix(".key")),
        "tls-ca-cert-file": str(certificate),
    }


@pytest.fixture(scope="module")
def port() -> int:
    """Where the server speaks TLS alone."""
    return free_port()


@pytest.fixture(scope="module")
def server(certificate: Path, port: int) -> Iterator[RedisServer]:
    """That of the wheel is built without TLS."""
    with a_redis(Kind.REDIS7, **tls_options(certificate, port)) as running:
        yield running


@pytest.mark.parametrize(("password", "fault"), [("a+b@c", None), ("another", "password"), ("", "Authentication")])
async def test_sentinels_are_asked_over_tls_and_by_a_password_of_their_own(
    certificate: Path, server: RedisServer, port: int, password: str, fault: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sentinel, "ASK_WITHIN_SECONDS", 20.0)
    listens = free_port()
    options = {**tls_options(certificate, listens), "requirepass": "a+b@c"}
    with a_sentinel(server, options=options) as watch:
        with watch.client() as watcher:
            for each in ("resolve-hostnames", "announce-hostnames"):
                watcher.execute_command("SENTINEL", "CONFIG", "SET", each, "yes")
            watcher.sentinel_remove("main")
            watcher.sentinel_monitor("main", "localhost", port, 1)
        query = f"ssl_ca_certs={certificate}" + (f"&sentinel_password={quote(password)}" if password else "")
        address = parse_address(f"rediss+sentinel://localhost:{listens}/main/0?{query}")

        if fault is None:
            async with open_redis_store(address, CountingEntropy()) as stores:
                assert await stores.executions.held() == []
        else:
            with pytest.raises((StoreRefusedError, StoreUnavailableError), match=fault):
                async with open_redis_store(address, CountingEntropy()):
                    pass


@pytest.mark.usefixtures("server")
async def test_a_server_that_is_vouched_for_is_connected_to(certificate: Path, port: int) -> None:
    address = parse_address(f"rediss://localhost:{port}/0?ssl_ca_certs={certificate}")

    async with open_redis_store(address, CountingEntropy()) as stores:
        assert await stores.executions.held() == []


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("url", ["rediss://127.0.0.1:{}/0?ssl_ca_certs={}", "rediss://localhost:{}/0"])
async def test_a_certificate_of_another_name_or_of_nobody_known_ends_it(url: str, certificate: Path, port: int) -> None:
    with pytest.raises(StoreUnavailableError, match="certificate verify failed"):
        async with open_redis_store(parse_address(url.format(port, certificate)), CountingEntropy()):
            pass
