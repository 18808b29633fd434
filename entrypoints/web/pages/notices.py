"""What a page says after an action led to it. Only these texts can be asked for by an address."""

NOTICES = {
    "started": "Started: an execution is on its way to a worker.",
    "already_started": "This form had been sent before. Nothing was started a second time.",
    "paused": "Paused.",
    "resumed": "Resumed.",
    "deleted": "Deleted.",
    "signed_out": "You have signed out.",
    "password_changed": "Your password was changed, and every other session has ended.",
    "sessions_ended": "Every other session has ended.",
    "token_revoked": "The token was revoked; no program can use it any more.",
    "user_added": "Added: the user can sign in now.",
    "user_changed": "Changed, with effect from now on.",
    "user_disabled": "Disabled: every session has ended, and no token of this user is taken.",
    "user_password": "The password was set, and every session of the user has ended.",
    "cancelled": "Cancelled, or asked to stop if it was running.",
}


def notice_of(code: str | None) -> str | None:
    """The text of a notice; None for a code there is not."""
    return None if code is None else NOTICES.get(code)
