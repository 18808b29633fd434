"""The service with a login: how the first person comes in, and what its log never says."""

import re
from pathlib import Path

import aiohttp

from tests.support.service import running

PASSWORD = "correct horse battery"
ADMIN_TOKEN = "0123456789abcdef" * 2
OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}


def _stored(folder: Path) -> bytes:
    """Every byte the store has written."""
    return b"".join(path.read_bytes() for path in folder.glob("scheduler.db*"))


async def test_the_log_has_the_one_time_token_and_no_other_secret(tmp_path: Path) -> None:
    async with running(tmp_path, SCHEDULER_AUTH="required") as service:
        (token,) = re.findall(r"one_time_token=([0-9a-f]{32})", service.log())
        base = f"{service.address}/admin/scheduler"
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers=OWN_PAGE) as browser:
            async with browser.get(f"{base}/scheduled-tasks") as led:
                assert led.url.path.endswith("/set-up")
            fields = {"token": token, "name": "ana", "password": PASSWORD}
            async with browser.post(f"{base}/set-up", data=fields) as done:
                assert (done.status, done.url.path) == (200, "/admin/scheduler/scheduled-tasks")
            asked = {"name": "ci", "role": "viewer", "days": "1", "own_password": PASSWORD}
            async with browser.post(f"{base}/tokens", data=asked) as made:
                (secret,) = re.findall(r"pps_[0-9a-f]{64}", await made.text())
            sessions = [cookie.value for cookie in browser.cookie_jar]
        async with aiohttp.ClientSession() as program:
            shown = {"Authorization": f"Bearer {secret}"}
            async with program.get(f"{base}/api/me", headers=shown) as answer:
                assert (await answer.json())["actor"] == "token:ci"
            async with program.delete(f"{base}/api/tokens/x", headers=shown) as refused:
                assert refused.status == 403
            async with program.get(f"{base}/api/stats") as strangers:
                assert strangers.status == 401

    assert "what=added user ana as admin" in service.log()
    assert "Signed in" in service.log()
    assert all(each and each not in service.log() for each in (PASSWORD, secret, *sessions))
    stored = _stored(tmp_path)
    assert b"ana" in stored
    assert all(each.encode() not in stored for each in (PASSWORD, token, secret, *sessions))


async def test_with_a_token_in_a_file_nobody_needs_a_set_up(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(ADMIN_TOKEN)
    path.chmod(0o600)
    started = running(tmp_path, SCHEDULER_ADMIN_TOKEN_FILE=str(path), SCHEDULER_HOST="0.0.0.0")
    async with started as service, aiohttp.ClientSession() as program:
        for shown, status in ((ADMIN_TOKEN, 200), (ADMIN_TOKEN[1:], 401)):
            headers = {"Authorization": f"Bearer {shown}"}
            async with program.get(f"{service.address}/admin/scheduler/api/users", headers=headers) as answer:
                assert answer.status == status

    assert "by plain http" in service.log()
    assert "one_time_token" not in service.log()
    assert ADMIN_TOKEN not in service.log()
