"""One form as it lies before a person: its fields, what is edited, and what the living workers can run."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from application.scheduling import json_text
from application.scheduling.ports.membership import HandlerSpec
from application.scheduling.processors import announced_spec
from domain.errors import DomainError, InvalidTaskError, MalformedJsonError
from domain.scheduling.task import ScheduledTask
from entrypoints.web.builder import faults, tabs
from entrypoints.web.builder.payload_form import PREFIX, Input, assembled, filled, inputs_of, taken_over


@dataclass(frozen=True, slots=True)
class Desk:
    """The form as it stands; `present` is the task that is edited, None for a new one.

    `cannot_show` is the schedule that the tab which speaks cannot say, `left` what could not be read in the one before,
    whose schedule is the last one that could. `inputs` are those of the payload; empty if the handler is unknown or has
    no schema that a form can show, and if `is_unfit`: if this payload does not fit them.
    """

    fields: Mapping[str, str]
    announced: tuple[HandlerSpec, ...]
    present: ScheduledTask | None = None
    inputs: tuple[Input, ...] = ()
    is_unfit: bool = False
    cannot_show: str | None = None
    left: str | None = None
    told: tuple[faults.Told, ...] = field(default=())

    @property
    def spec(self) -> HandlerSpec | None:
        """The handler that would run it; None: no living worker has one."""
        return spec_of(self.fields, self.announced)

    @property
    def told_at(self) -> Mapping[str, list[faults.Told]]:
        """The faults by their fields."""
        by_field: dict[str, list[faults.Told]] = {}
        for each in self.told:
            by_field.setdefault(each.field, []).append(each)
        return by_field

    def refused(self, error: DomainError) -> "Desk":
        """The form with what is wrong with it."""
        return replace(self, told=faults.told(error, self.fields, self.inputs))

    def switched(self, to: tabs.Tab) -> "Desk":
        """The form with another tab speaking."""
        turned = tabs.switched(self.fields, to)
        return replace(self, fields=turned.fields, cannot_show=turned.cannot_show, left=turned.left)


def laid_out(
    fields: Mapping[str, str], announced: tuple[HandlerSpec, ...], present: ScheduledTask | None = None
) -> Desk:
    """The form for these fields, its payload as inputs where they can show it. What was sent is `received` instead."""
    desk = Desk(fields, announced, present)
    inputs, key = inputs_of(desk.spec.payload_schema if desk.spec else None), _key(desk.spec)
    if fields["payload_as"] == "form" and fields["payload_for"] == key:
        # As it was sent, right or wrong.
        return replace(desk, inputs=inputs)
    base = base_payload(fields)
    values = None if base is None else filled(inputs, base)
    if not inputs or values is None:
        return replace(desk, fields={**fields, "payload_as": "json", "payload_for": key}, is_unfit=bool(inputs))
    return replace(desk, inputs=inputs, fields={**fields, **values, "payload_for": key})


def received(
    fields: Mapping[str, str], announced: tuple[HandlerSpec, ...], present: ScheduledTask | None = None
) -> Desk:
    """The form as it was sent, with the payload's JSON put together from its inputs if these speak.

    The inputs are those of the handler they were shown for: another one may be named by now. If nobody announces that
    handler with that schema any more, what was typed comes back as JSON, with a fault: it was not judged, nor is it to
    be lost.
    """
    sent_for = next((spec for spec in announced if _key(spec) == fields["payload_for"]), None)
    inputs, base = inputs_of(sent_for.payload_schema if sent_for else None), base_payload(fields)
    if fields["payload_as"] != "form":
        # Whoever asks for the handler's fields gets them filled from the JSON.
        asked = {"payload_as": "form", "payload_for": ""} if fields["to"] == "payload" else {}
        return laid_out({**fields, **asked}, announced, present)
    if _is_lost(fields, inputs):
        as_json = {**_written(taken_over(fields, base or {})), "payload_as": "json", "payload_for": ""}
        return laid_out({**fields, **as_json}, announced, present).refused(outdated())
    written = {} if base is None else _written(assembled(inputs, fields, base))
    return laid_out({**fields, **written}, announced, present)


def renewed(desk: Desk, shown_for: str) -> Desk | None:
    """The form with the inputs of the handler that it names by now; `shown_for` is the key of the one they were for.

    None if it is the same, or if anything stands in the payload: that is never taken from under somebody's hands.
    """
    if desk.told or base_payload(desk.fields) != {}:
        return None
    fresh = laid_out({**desk.fields, "payload_as": "form", "payload_for": ""}, desk.announced, desk.present)
    return fresh if fresh.fields["payload_for"] != shown_for else None


def _is_lost(fields: Mapping[str, str], inputs: tuple[Input, ...]) -> bool:
    """True if the inputs that were sent are not those that the handler has now."""
    known = {each.field for each in inputs}
    return bool(fields["payload_for"] and not inputs) or any(
        name.startswith(PREFIX) and name not in known for name in fields
    )


def outdated() -> InvalidTaskError:
    """What is wrong with inputs whose schema is gone."""
    return InvalidTaskError(
        "the workers that announced these fields are gone, or have been replaced by others",
        code="invalid_payload",
        pointer="/payload",
        hint="what you typed stands here as JSON: check it, and send it again",
    )


def _written(payload: Mapping[str, object]) -> dict[str, str]:
    return {"payload": json.dumps(payload, ensure_ascii=False, indent=2)}


def base_payload(fields: Mapping[str, str]) -> Mapping[str, object] | None:
    """The object that stands in the field for JSON; None if what stands there is none."""
    try:
        value = json_text.read(fields["payload"])
    except MalformedJsonError:
        return None
    return value if isinstance(value, dict) else None


def spec_of(fields: Mapping[str, str], announced: tuple[HandlerSpec, ...]) -> HandlerSpec | None:
    """The handler that the fields name."""
    name = fields["handler"].strip() or fields["name"].strip()
    return announced_spec(announced, fields["task_type"].strip(), name)


def _key(spec: HandlerSpec | None) -> str:
    """The handler and its schema; a worker that is deployed anew may announce another one. No task type has a blank."""
    if spec is None:
        return ""
    schema = json.dumps(spec.payload_schema, sort_keys=True)
    return f"{spec.task_type} {hashlib.sha256(schema.encode()).hexdigest()[:16]} {spec.name or ''}"
