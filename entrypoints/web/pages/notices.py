"""What a page says after an action led to it. Only these texts can be asked for by an address, each of its own page."""

from collections.abc import Mapping

OF_TASKS = {
    "created": "Created.",
    "saved": "Saved.",
    "unchanged": "Nothing was different, so nothing was changed.",
    "started": "Started: an execution is on its way to a worker.",
    "already_started": "This form had been sent before. Nothing was started a second time.",
    "paused": "Paused.",
    "resumed": "Resumed.",
    "undeleted": "The task is back. What it would have run meanwhile is on record as not run.",
    "restored": "Restored: the task says again what that version said.",
    "restored_nothing": "There was nothing to restore: the task says what that version said.",
}
OF_DELETED_TASKS = {"deleted": "Deleted."}
OF_EXECUTIONS = {
    "redriven": "Started once more: this execution takes the place of the dead one.",
    "already_redriven": "It had been started once more before: this is that execution.",
    "cancelled": "Cancelled.",
    "asked_to_stop": "Being cancelled: it runs until its handler heeds that.",
    "over": "It was over already, so nothing was changed.",
}
OF_THE_SWITCH = {
    "held": "Held: within a second nothing fires and nothing new starts.",
    "released": "Released: what was due meanwhile is decided now.",
}
OF_THE_DOOR = {
    "signed_out": "You have signed out.",
    "session_over": "You were signed out meanwhile, and nothing was changed. Sign in to do it again.",
}
OF_ACCOUNTS = {
    "password_changed": "Your password was changed, and every other session has ended.",
    "sessions_ended": "Every other session has ended.",
    "token_revoked": "The token was revoked; no program can use it any more.",
}
OF_USERS = {
    "token_revoked": OF_ACCOUNTS["token_revoked"],
    "user_added": "Added: the user can sign in now.",
    "user_changed": "Changed, with effect from now on.",
    "user_disabled": "Disabled: every session has ended, and no token of this user is taken.",
    "user_sessions": "Every session of the user has ended.",
    "user_password": "The password was set, and every session of the user has ended.",
}


def notice_of(code: str | None, notices: Mapping[str, str]) -> str | None:
    """The text of a notice; None for a code the page does not have."""
    return None if code is None else notices.get(code)
