"""What a page says after an action led to it. Only these texts can be asked for by an address."""

NOTICES = {
    "created": "Created.",
    "saved": "Saved.",
    "unchanged": "Nothing was different, so nothing was changed.",
    "started": "Started: an execution is on its way to a worker.",
    "already_started": "This form had been sent before. Nothing was started a second time.",
    "paused": "Paused.",
    "resumed": "Resumed.",
    "deleted": "Deleted.",
    "undeleted": "The task is back. What it would have run meanwhile is on record as not run.",
    "restored": "Restored: the task says again what that version said.",
    "restored_nothing": "There was nothing to restore: the task says what that version said.",
    "redriven": "Started once more: this execution takes the place of the dead one.",
    "already_redriven": "It had been started once more before: this is that execution.",
    "signed_out": "You have signed out.",
    "password_changed": "Your password was changed, and every other session has ended.",
    "sessions_ended": "Every other session has ended.",
    "token_revoked": "The token was revoked; no program can use it any more.",
    "user_added": "Added: the user can sign in now.",
    "user_changed": "Changed, with effect from now on.",
    "user_disabled": "Disabled: every session has ended, and no token of this user is taken.",
    "user_sessions": "Every session of the user has ended.",
    "user_password": "The password was set, and every session of the user has ended.",
    "cancelled": "Cancelled, or asked to stop if it was running.",
}


def notice_of(code: str | None) -> str | None:
    """The text of a notice; None for a code there is not."""
    return None if code is None else NOTICES.get(code)
