"""What programs and forks that a handler starts get of the worker: neither its lock, nor its link, nor its signals."""

import subprocess
import sys

from tests.support.repository import ROOT

CHILD = """
import os, signal, socket, sys
from entrypoints.inheritance import keep_from_programs

ours, link = socket.socketpair()
lock = os.open("/dev/null", os.O_RDONLY)
for descriptor in (link.fileno(), lock):
    os.set_inheritable(descriptor, True)
kept = (link.fileno(), lock)
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, frame: None)
keep_from_programs(link, lock)


def is_open(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def fork(answer):
    pid = os.fork()
    if not pid:
        os._exit(answer())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


assert os.system("test ! -e /proc/self/fd/%d -a ! -e /proc/self/fd/%d" % kept) == 0, "a program has them"
assert fork(lambda: sum(map(is_open, kept))) == 0, "a fork has them"
assert all(map(is_open, kept)), "we have them not"
assert fork(lambda: os.kill(os.getpid(), signal.SIGTERM)) == -signal.SIGTERM, "a fork can't be ended"
"""


def test_what_a_handler_starts_gets_neither_lock_nor_link_nor_signal_handlers() -> None:
    ended = subprocess.run([sys.executable, "-c", CHILD], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
