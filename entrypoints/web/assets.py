"""The stylesheet, the script and the icon: read once, served from memory under addresses that name their content."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from aiohttp import web

from entrypoints.web.keys import SETTINGS

FOLDER = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# An address with the digest of its content never means anything else.
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file; `digest` tells its content from every other."""

    content: bytes
    content_type: str
    digest: str


ASSETS = web.AppKey("assets", dict[str, Asset])


def load_assets() -> dict[str, Asset]:
    """Read every static file, by name."""
    return {path.name: _asset(path) for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES}


async def static_file(request: web.Request) -> web.Response:
    """One static file."""
    asset = request.app[ASSETS].get(request.match_info["name"])
    if asset is None:
        raise web.HTTPNotFound
    current = request.query.get("v") == asset.digest
    headers = {"Cache-Control": FOREVER if current else "no-cache"}
    return web.Response(body=asset.content, content_type=asset.content_type, charset="utf-8", headers=headers)


def asset_path(app: web.Application, name: str) -> str:
    """The address of a static file in its present content."""
    return f"{app[SETTINGS].prefix}/static/{name}?v={app[ASSETS][name].digest}"


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(content, TYPES[path.suffix], sha256(content).hexdigest()[:16])
