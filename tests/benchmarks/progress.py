"""What a long measurement says while it goes on, to whoever waits for its table."""

import sys


def say(what: str) -> None:
    """One line on standard error: what is being measured from here on."""
    print(f"  {what}", file=sys.stderr, flush=True)
