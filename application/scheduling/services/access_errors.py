"""What the use cases of access can refuse. No text here ever holds a password or a token."""

from datetime import timedelta

from application.scheduling.services.errors import ServiceError


class AccessError(ServiceError):
    """A use case of access was refused; nothing was changed."""


class SignInRefusedError(AccessError):
    """Name and password do not fit, or the account is disabled: which of them is not told."""

    code = "sign_in_refused"

    def __init__(self, detail: str = "name and password do not fit") -> None:
        super().__init__(detail)


class SignInDelayedError(AccessError):
    """Too many attempts failed: this one was not looked at. `wait` is rounded up to whole seconds."""

    code = "too_many_attempts"

    def __init__(self, wait: timedelta) -> None:
        self.wait = timedelta(seconds=max(1, -(-wait // timedelta(seconds=1))))
        super().__init__(f"too many attempts failed; try again in {int(self.wait.total_seconds())} s")


class SetUpRefusedError(AccessError):
    """The set-up token is wrong or too old, or there is a user by now."""

    code = "set_up_refused"

    def __init__(self) -> None:
        super().__init__("the set-up token is wrong or too old, or somebody used it")


class UserNotFoundError(AccessError):
    """Nobody has that name."""

    code = "user_not_found"

    def __init__(self) -> None:
        super().__init__("there is no such user")


class UserExistsError(AccessError):
    """The name is somebody's, who may be disabled; names are never given to another person."""

    code = "user_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a user named {name} already")


class LastAdminError(AccessError):
    """Without this one nobody could let others in."""

    code = "last_admin"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is the last enabled admin; make another one first")


class TokenNotFoundError(AccessError):
    """There is no such token, or it belongs to somebody else."""

    code = "token_not_found"

    def __init__(self) -> None:
        super().__init__("there is no such token")


class TokenExistsError(AccessError):
    """Its owner has a token of that name."""

    code = "token_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a token named {name} already")
