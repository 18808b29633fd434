"""What an edit consists of besides its definition: patches, the switch `enabled`, and what workers can run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from application.scheduling.deliveries import Deliveries
from application.scheduling.documents import Document, task_document
from application.scheduling.payload_faults import payload_faults
from application.scheduling.ports.clock import Clock
from application.scheduling.ports.membership import HandlerSpec, Membership, specs_of
from application.scheduling.processors import announced_spec
from domain.errors import InvalidInputError, InvalidTaskError
from domain.scheduling.change import Change
from domain.scheduling.mutation import Mutation, pause, resume
from domain.scheduling.task import Definition, Delivery, Pause, ScheduledTask, TaskStatus

ANNOUNCED_KEPT = timedelta(seconds=1)

# What a null takes away. Without these it would only be left out of the body, which means kept.
_EMPTY: Document = {"description": "", "tags": [], "policy": {}, "delivery": Delivery.MANAGED}


def patched(task: ScheduledTask, patch: Mapping[str, Any]) -> Any:
    """The task's document with a merge patch applied, fit for `body_from`; the status stays if the patch is silent.

    So does the anchor of an interval, as long as the interval does.
    """
    document = {
        name: value for name, value in task_document(task).items() if name not in ("enabled", "version", "anchor")
    }
    merged = merge_patch(document, patch)
    if not isinstance(merged, dict):
        return merged
    removed = {name for name, value in patch.items() if value is None}
    if "handler" in removed:
        # Without a handler of its own, a task runs what its name says.
        merged["handler"] = merged.get("name")
    return merged | {name: value for name, value in _EMPTY.items() if name in removed}


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: null removes, objects merge, anything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def with_enabled(mutation: Mutation, enabled: bool | None, change: Change) -> Mutation:
    """The mutation, and with it the pause or resume that writing `enabled` asks for.

    Raises InvalidTaskError (`contradiction`) for what is completed and to be disabled, and TaskStateError.
    """
    after = mutation.after
    is_enabled = after.status in (TaskStatus.ACTIVE, TaskStatus.COMPLETED)
    if enabled is None or enabled == is_enabled:
        return mutation
    if enabled:
        return mutation.then(resume(after, change))
    if after.status is TaskStatus.COMPLETED:
        raise InvalidTaskError("a completed task cannot be disabled", code="contradiction", pointer="/enabled")
    return mutation.then(pause(after, Pause(change.reason, change.actor, change.at), change))


async def announced_by(membership: Membership) -> tuple[HandlerSpec, ...]:
    """What the live workers say they can run."""
    return specs_of(await membership.members())


@dataclass(slots=True)
class Announcements:
    """What the live workers say they can run, asked for once a second: good enough for who creates tasks in a row.

    A worker that has just come is known a second later, as if the task had been created before it came.
    """

    membership: Membership
    clock: Clock
    _known: tuple[HandlerSpec, ...] = field(default=(), init=False)
    _good_until: float | None = field(default=None, init=False)

    async def recent(self) -> tuple[HandlerSpec, ...]:
        """What they said within ANNOUNCED_KEPT. Raises StoreUnavailableError."""
        now = self.clock.monotonic()
        if self._good_until is None or now >= self._good_until:
            self._known = await announced_by(self.membership)
            self._good_until = now + ANNOUNCED_KEPT.total_seconds()
        return self._known


def check_runnable(definition: Definition, announced: Sequence[HandlerSpec]) -> None:
    """Raise InvalidInputError (`invalid_payload`) for what the handler that would run it could not."""
    if definition.delivery is Delivery.EXTERNAL:
        return
    spec = announced_spec(announced, definition.task_type, definition.handler_name)
    if spec is not None and (faults := payload_faults(spec, definition.payload_json)):
        raise InvalidInputError(faults)


def runnable(definition: Definition, announced: Sequence[HandlerSpec], deliveries: Deliveries) -> Definition:
    """The definition as it is to be kept. Raises InvalidTaskError (`needs_redis`), and as `check_runnable`."""
    settled = deliveries.settled(definition)
    check_runnable(settled, announced)
    return settled
