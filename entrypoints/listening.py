"""Listening on an address for as long as it is wanted."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from entrypoints.process import CannotServeError


@asynccontextmanager
async def listening(runner: web.AppRunner, host: str, port: int, *, choose: str) -> AsyncIterator[str]:
    """Serve `runner`'s application; yields host and port as they stand in a URL.

    Raises CannotServeError, which names the setting by which to `choose` another address.
    """
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            # uvloop's text repeats the address.
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            where = _authority(host, port)
            raise CannotServeError(f"cannot serve on {where}: {reason}; choose another {choose}") from error
        yield _authority(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


def _authority(host: str, port: int) -> str:
    """Host and port as they stand in a URL; RFC 3986, 3.2.2."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
