"""The payload of one run by hand: in the builder's form of it, filled with what the task says.

A form without a payload, such as a mere button, leaves it as it is.
"""

from collections.abc import Mapping

from application.scheduling.drafts import payload_text
from application.scheduling.ports.membership import HandlerSpec
from domain.errors import DomainError
from domain.scheduling.task import Definition, ScheduledTask
from entrypoints.web.builder.desk import Desk, laid_out, outdated, received
from entrypoints.web.builder.form import fields_of

FIELDS = ("payload", "payload_as", "payload_for")
_UNSAID = {"payload_as": "json", "payload_for": "", "reason": ""}


def run_desk(
    task: ScheduledTask,
    announced: tuple[HandlerSpec, ...],
    sent: Mapping[str, str],
    fault: DomainError | None = None,
) -> Desk:
    """The form as the task fills it, or as it was sent, with what is wrong with it."""
    fields = fields_of(task.definition)
    if "payload" not in sent:
        return laid_out(fields, announced, task)
    desk = received({**fields, **_UNSAID, **sent}, announced, task)
    return desk if fault is None else desk.refused(fault)


def override_of(task: ScheduledTask, announced: tuple[HandlerSpec, ...], sent: Mapping[str, str]) -> str | None:
    """The payload for this run alone; None if the form left it empty or as it was. Raises InvalidTaskError."""
    is_form = sent.get("payload_as") == "form"
    if not is_form and not sent.get("payload", "").strip():
        return None
    desk = run_desk(task, announced, {"payload": "", **sent})
    if desk.told:
        raise outdated()
    return _unlike(desk.fields["payload"], task.definition)


def _unlike(text: str, definition: Definition) -> str | None:
    payload = payload_text(text)
    return None if payload == payload_text(definition.payload_json) else payload
