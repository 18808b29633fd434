"""One form as it lies before a person: its fields, what is edited, and what the living workers can run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from application.scheduling import json_text
from application.scheduling.ports.membership import HandlerSpec
from application.scheduling.processors import announced_spec
from domain.errors import DomainError, MalformedJsonError
from domain.scheduling.task import ScheduledTask
from entrypoints.web.builder import faults, tabs
from entrypoints.web.builder.payload_form import Input, assembled, filled, inputs_of


@dataclass(frozen=True, slots=True)
class Desk:
    """The form as it stands; `present` is the task that is edited, None for a new one.

    `cannot_show` is the schedule that the tab which speaks cannot say. `inputs` are those of the payload; empty if the
    handler is unknown or has no schema that a form can show, and if `is_unfit`: if this payload does not fit them.
    """

    fields: Mapping[str, str]
    announced: tuple[HandlerSpec, ...]
    present: ScheduledTask | None = None
    inputs: tuple[Input, ...] = ()
    is_unfit: bool = False
    cannot_show: str | None = None
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
        """The form with another tab speaking. Raises InvalidScheduleError if the one that speaks cannot be read."""
        fields, cannot_show = tabs.switched(self.fields, to)
        return replace(self, fields=fields, cannot_show=cannot_show)


def laid_out(
    fields: Mapping[str, str], announced: tuple[HandlerSpec, ...], present: ScheduledTask | None = None
) -> Desk:
    """The form for these fields, its payload as inputs where they can show it. What was sent must be `collected`."""
    desk = Desk(fields, announced, present)
    inputs, key = inputs_of(desk.spec.payload_schema if desk.spec else None), _key(desk.spec)
    if fields["payload_as"] == "form" and fields["payload_for"] == key:
        # As it was sent, right or wrong.
        return replace(desk, inputs=inputs)
    base = base_payload(fields)
    values = None if base is None else filled(inputs, base)
    if not inputs or values is None:
        return replace(desk, fields={**fields, "payload_as": "json", "payload_for": ""}, is_unfit=bool(inputs))
    return replace(desk, inputs=inputs, fields={**fields, **values, "payload_for": key})


def collected(fields: Mapping[str, str], announced: tuple[HandlerSpec, ...]) -> dict[str, str]:
    """The fields that were sent, with the payload's JSON put together from its inputs if these speak.

    The inputs are those of the handler they were shown for: another one may be named by now.
    """
    sent_for = next((spec for spec in announced if _key(spec) == fields["payload_for"]), None)
    inputs, base = inputs_of(sent_for.payload_schema if sent_for else None), base_payload(fields)
    if fields["to"] == "payload" and fields["payload_as"] != "form":
        # Whoever asks for the handler's fields gets them filled from the JSON.
        return {**fields, "payload_as": "form", "payload_for": ""}
    if fields["payload_as"] != "form" or not inputs or base is None:
        return dict(fields)
    return {**fields, "payload": json.dumps(assembled(inputs, fields, base), ensure_ascii=False, indent=2)}


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
    # No task type has a blank.
    return "" if spec is None else f"{spec.task_type} {spec.name or ''}"
