"""What a page says after an action led to it. Only these texts can be asked for by an address."""

NOTICES = {
    "started": "Started: an execution is on its way to a worker.",
    "already_started": "This form had been sent before. Nothing was started a second time.",
    "paused": "Paused.",
    "resumed": "Resumed.",
    "deleted": "Deleted.",
    "cancelled": "Cancelled, or asked to stop if it was running.",
}


def notice_of(code: str | None) -> str | None:
    """The text of a notice; None for a code there is not."""
    return None if code is None else NOTICES.get(code)
