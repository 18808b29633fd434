"""What the record says of each change at the door, so that every store says the same."""

from domain.access.account import ApiToken, Session, User
from domain.access.record import AccessAction, Deed, Doer
from domain.scheduling.change import Via


def user_added(user: User, by: Doer) -> Deed:
    """Somebody new may come in."""
    return Deed(by, AccessAction.USER_ADDED, user.name, f"as {user.role}")


def user_changed(before: User, after: User, by: Doer) -> Deed:
    """Somebody has another role, or may come in no more, or again."""
    changes = []
    if before.role is not after.role:
        changes.append(f"from {before.role} to {after.role}")
    if before.is_enabled is not after.is_enabled:
        changes.append("enabled" if after.is_enabled else "disabled")
    return Deed(by, AccessAction.USER_CHANGED, after.name, ", ".join(changes))


def password_set(name: str, by: Doer) -> Deed:
    """Somebody has another password, and no session any more."""
    return Deed(by, AccessAction.PASSWORD_SET, name)


def signed_in(session: Session) -> Deed:
    """A session began; who has it did that, for the password is known to nobody else."""
    return Deed(Doer(session.user_name, Via.PAGE, session.address), AccessAction.SIGNED_IN, session.user_name)


def signed_out(name: str, by: Doer) -> Deed:
    """One session was ended by its browser."""
    return Deed(by, AccessAction.SIGNED_OUT, name)


def sessions_ended(name: str, count: int, by: Doer) -> Deed:
    """So many sessions of somebody were ended."""
    return Deed(by, AccessAction.SESSIONS_ENDED, name, f"{count} session{'' if count == 1 else 's'}")


def token_made(token: ApiToken, by: Doer) -> Deed:
    """A program may come in."""
    end = f", until {token.expires_at:%Y-%m-%d %H:%M} UTC" if token.expires_at else ""
    return Deed(by, AccessAction.TOKEN_MADE, token.actor, f"as {token.role}{end}")


def token_revoked(token: ApiToken, by: Doer) -> Deed:
    """A program may come in no more."""
    return Deed(by, AccessAction.TOKEN_REVOKED, token.actor)


def firing_held(reason: str, by: Doer) -> Deed:
    """From now on nothing fires and nothing new starts."""
    return Deed(by, AccessAction.FIRING_HELD, detail=reason)


def firing_released(reason: str, by: Doer) -> Deed:
    """It all goes on."""
    return Deed(by, AccessAction.FIRING_RELEASED, detail=reason)


def messages_discarded(count: int, task_type: str | None, reason: str, by: Doer) -> Deed:
    """So many messages, of one task type if one is named, will reach no program."""
    return Deed(by, AccessAction.MESSAGES_DISCARDED, task_type or "", f"{count}: {reason}")
