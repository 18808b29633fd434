"""Who runs what people save: our workers, or programs of others that read the streams of external types."""

from dataclasses import dataclass, replace

from domain.errors import InvalidTaskError
from domain.scheduling.task import Definition, Delivery

STREAM = "stream:{}:tasks"
"""The stream that the executions of a task type are dispatched to."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What can be delivered to programs of others here, and what always is.

    `has_streams` is False where no store feeds any, so that nothing can be; tasks of `external_types` always are.
    """

    has_streams: bool = False
    external_types: frozenset[str] = frozenset()

    def settled(self, definition: Definition) -> Definition:
        """The definition as it is kept here: external if its type is, whatever it says itself.

        Raises InvalidTaskError (`needs_redis`).
        """
        if definition.task_type in self.external_types:
            definition = replace(definition, delivery=Delivery.EXTERNAL)
        if definition.delivery is Delivery.EXTERNAL and not self.has_streams:
            raise InvalidTaskError(
                "external delivery needs streams in a Redis, and this server feeds none",
                code="needs_redis",
                pointer="/delivery",
                hint="leave delivery out, or run with REDIS_URL and a store in Redis or PostgreSQL",
            )
        return definition


def type_of_stream(name: str) -> str | None:
    """The task type whose stream bears this name; None: it is no name of such a stream."""
    before, after = STREAM.split("{}")
    if not name.startswith(before) or not name.endswith(after):
        return None
    return name[len(before) : len(name) - len(after)] or None
