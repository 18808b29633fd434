"""Secrets that lie in a file, as orchestrators hand them over: read only if the file keeps them."""

import os
import stat
from pathlib import Path

BYTES_MAX = 4_096


def read_secret(path: Path) -> str:
    """The text of the file without the white space around it. Raises ValueError with a sentence that lacks it."""
    try:
        # Without waiting for a writer, should it be a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{path} is no file")
        if status.st_mode & stat.S_IROTH:
            raise ValueError(f"{path} can be read by everybody on this machine; chmod 600 (or 440) it")
        content = file.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise ValueError(f"{path} is too large for a secret")
    try:
        return content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise ValueError(f"{path} holds something else than letters, digits and signs in ASCII") from None
