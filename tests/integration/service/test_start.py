"""The start of the service: settings judged whole, one service for a file, and one clear line for what can't be."""

import asyncio
import fcntl
import os
import signal
import socket
import sqlite3
from pathlib import Path

import pytest

from adapters.system.clock import SystemClock
from adapters.system.file_lock import FileLock
from application.scheduling.ports.errors import StoreRefusedError
from domain.scheduling.identifiers import microseconds
from tests.support.service import Service, eventually, running


async def refusal(folder: Path, *options: str, **environment: str) -> tuple[int, str]:
    """The exit code and the one line of a service that does not start."""
    service = Service(folder, environment)
    await service.launch(*options)
    code = await service.ended()
    (line,) = service.log().splitlines()
    return code, line


def test_the_lock_is_one_processes_and_its_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "var" / "s.db.lock"
    ours, theirs = FileLock(path), FileLock(path)

    answers = [ours.acquire(), theirs.acquire()]

    assert answers == [True, False]
    assert theirs.holder() == str(os.getpid())
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    ours.release()
    assert theirs.acquire()
    theirs.release()


def test_a_lock_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.lock").mkdir()

    for path in (tmp_path / "file" / "s.db.lock", tmp_path / "folder.lock"):
        with pytest.raises(StoreRefusedError, match="cannot be locked"):
            FileLock(path).acquire()


async def test_a_path_without_a_place_for_a_store_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    code, line = await refusal(tmp_path, SCHEDULER_STORE_PATH=str(tmp_path / "file" / "s.db"))

    assert code == 5
    assert "s.db.lock cannot be locked" in line


async def test_a_wrong_path_leaves_nothing_beside_the_file_it_names(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "passwd"
    path.parent.mkdir()
    path.write_text("root:x:0:0:root:/root:/bin/bash\n" * 40)

    code, line = await refusal(tmp_path, SCHEDULER_STORE_PATH=str(path))

    assert code == 5
    assert line.endswith("file is not a database)")
    assert [*path.parent.iterdir()] == [path]


async def test_the_network_is_not_served_without_a_login(tmp_path: Path) -> None:
    async with running(tmp_path, SCHEDULER_HOST="0.0.0.0") as service:
        problem = await service.call("GET", "/scheduled-tasks", expect=401)

    assert problem["type"].endswith("/unauthenticated")
    assert "make the first admin" in service.log()


async def test_a_taken_port_is_refused_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, line = await refusal(tmp_path, "--port", str(port))

    assert code == 5
    assert f"cannot serve on 127.0.0.1:{port}: " in line
    assert line.count("127.0.0.1") == 1


async def test_a_worker_without_its_handlers_ends_the_service_and_its_line_is_the_last_word(tmp_path: Path) -> None:
    service = Service(tmp_path, {"SCHEDULER_PROCESSORS": "nowhere.at_all:processors"})
    await service.launch()

    code = await service.ended()

    assert code == 2
    assert (
        service.log().splitlines()[-1].startswith("SCHEDULER_PROCESSORS: nowhere.at_all:processors cannot be imported")
    )


async def test_a_service_whose_worker_is_refused_has_decided_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        task_id = await service.create("tick", schedule="1s")
    before = decided_until(tmp_path, task_id)
    # By now it owes occurrences, and whoever decides moves the watermark.
    await eventually(lambda: microseconds(SystemClock().now()) > before + 1_100_000)
    service = Service(tmp_path, {"SCHEDULER_PROCESSORS": "nowhere.at_all:processors"})
    await service.launch()

    code = await service.ended()

    assert code == 2
    assert decided_until(tmp_path, task_id) == before


async def test_what_options_overrule_is_not_held_against_the_worker(tmp_path: Path) -> None:
    service = Service(tmp_path, {"SCHEDULER_HOST": "0.0.0.0", "SCHEDULER_ROLES": "admin"})
    await service.launch("--host", "127.0.0.1", "--roles", "scheduler,worker")
    await eventually(lambda: "Ready: " in service.log())
    await eventually(service.worker_pid)

    await eventually(lambda: workers(tmp_path))

    assert await service.stop() == 0


async def test_without_the_admins_role_nothing_is_served(tmp_path: Path) -> None:
    service = Service(tmp_path, {})
    await service.launch("--roles", "scheduler")
    await eventually(lambda: "Ready: " in service.log())

    assert service.process is not None
    listening = listening_sockets(service.process.pid)
    (ready,) = [line for line in service.log().splitlines() if "Ready: " in line]
    assert await service.stop() == 0
    assert listening == set()
    assert ready.endswith(f"Ready: tasks in {tmp_path / 'scheduler.db'}")


async def test_another_name_of_a_file_that_is_served_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "scheduler.db").symlink_to(tmp_path / "scheduler.db")
    async with running(tmp_path):
        code, line = await refusal(other)

    assert code == 5
    assert "is served by another process" in line


async def test_a_stop_while_another_process_serves_the_file_is_obeyed_at_once(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "scheduler.db.lock")
    assert lock.acquire()
    service = Service(tmp_path, {})
    await service.launch()
    await eventually(lambda: service.process and opened(service.process.pid, lock.path))
    async with asyncio.timeout(2):
        code = await service.stop()
    lock.release()

    assert (code, service.log()) == (0, "")


async def test_a_stop_while_the_file_is_being_migrated_is_obeyed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.db.migration"
    service = Service(tmp_path, {})
    with path.open("w") as migration:
        fcntl.flock(migration, fcntl.LOCK_EX)
        await service.launch()
        await eventually(lambda: service.process and opened(service.process.pid, path))
        async with asyncio.timeout(2):
            code = await service.stop()

    assert (code, service.log()) == (0, "")


async def test_a_leave_that_the_store_does_not_hear_is_no_failure_of_a_clean_stop(tmp_path: Path) -> None:
    service = Service(tmp_path, {})
    await service.launch("--roles", "scheduler")
    await eventually(lambda: "Ready: " in service.log())
    with sqlite3.connect(tmp_path / "scheduler.db", isolation_level=None) as busy:
        busy.execute("BEGIN IMMEDIATE")
        code = await service.stop()
    busy.close()

    assert code == 0
    assert "Left without a word" in service.log()


async def test_a_stop_tells_what_it_waits_for_and_a_worker_that_it_is_ready_again(tmp_path: Path) -> None:
    async with running(tmp_path, SCHEDULER_GRACE="1") as service:
        first = service.worker_pid()
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: "A new worker is ready" in service.log())
        payload = {"ledger": str(tmp_path / "ledger"), "seconds": 60}
        await service.run_now(await service.create("wait", payload=payload))
        await eventually(lambda: "Executing scheduled task: wait" in service.log())
        await service.stop()

    assert "Stopping, waiting at most 1s for what runs  (executions=1)" in service.log()


def decided_until(folder: Path, task_id: str) -> int:
    """Up to when the occurrences of a task are decided, in microseconds since 1970."""
    with sqlite3.connect(folder / "scheduler.db") as connection:
        row = connection.execute("SELECT decided_until FROM tasks WHERE id = ?", (task_id,)).fetchone()
    return int(row[0])


def workers(folder: Path) -> int:
    """How many workers have announced themselves."""
    with sqlite3.connect(folder / "scheduler.db") as connection:
        return int(connection.execute("SELECT count(*) FROM members WHERE roles LIKE '%worker%'").fetchone()[0])


def opened(pid: int, path: Path) -> bool:
    """Whether a process has a file open."""
    descriptors = Path(f"/proc/{pid}/fd").iterdir()
    return path in [Path(os.readlink(each)) for each in descriptors if each.is_symlink()]  # noqa: PTH115


def listening_sockets(pid: int) -> set[str]:
    """The sockets on which a process waits for connections: state 0A in the table; proc(5)."""
    table = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    listening = {f"socket:[{fields[9]}]" for fields in table if fields[3] == "0A"}
    return listening & {os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()}  # noqa: PTH115
