"""`peachpie-scheduler serve`: the same as `python -m entrypoints.scheduler`."""

from entrypoints.scheduler import main as serve_command

__all__ = ["serve_command"]
