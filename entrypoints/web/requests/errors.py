"""What can be wrong with a request itself, before anybody looks at what it asks for."""

from collections.abc import Mapping

from domain.errors import SchedulerError


class RequestError(SchedulerError):
    """A request that is not answered; `kind` names its entry in the catalogue of problems.

    `parameter` or `header` names the part at fault, `reason` says in a stable lower_snake name what is wrong with it,
    and `headers` go with the answer.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        reason: str | None = None,
        parameter: str | None = None,
        header: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.reason = reason or kind
        self.parameter = parameter
        self.header = header
        self.headers = dict(headers or {})
