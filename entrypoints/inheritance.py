"""What a worker keeps from the programs its handlers start.

Whoever holds the lock's descriptor serves the store's file, and whoever holds the link's keeps an orphan from hearing
that it is one. Programs that are executed lose both because they are not inheritable; a plain fork loses them here.
"""

import os
import signal
from socket import socket


def keep_from_programs(link: socket, lock: int | None) -> None:
    """Keep the link, and the lock if there is one, from whatever this process starts from now on."""
    link.set_inheritable(False)
    if lock is not None:
        os.set_inheritable(lock, False)

    def after_fork() -> None:
        # Detached first: the copy of the object must not close somebody else's descriptor of that number later.
        os.close(link.detach())
        if lock is not None:
            os.close(lock)
        # A fork keeps our handlers, which ignore what its starter sends to end it.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)

    os.register_at_fork(after_in_child=after_fork)
