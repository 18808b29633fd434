"""The four ways in which the form says when: tabs over one schedule, each filled from the one before.

A tab that cannot say what another one says is left as it was, and tells so; the text it does not understand stays in
the form, to the letter. All conversions are the domain's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from domain.errors import DomainError, InvalidScheduleError
from domain.scheduling.recipes import DayTimes, Every, Moment, Recipe, kept_or_written, kind_of
from domain.scheduling.schedule import ScheduleType

WEEKDAYS = ((1, "Mon"), (2, "Tue"), (3, "Wed"), (4, "Thu"), (5, "Fri"), (6, "Sat"), (0, "Sun"))
Fields = Mapping[str, str]


class Tab(StrEnum):
    """A tab, by its name in the form."""

    EVERY = "every"
    TIMES = "times"
    ONCE = "once"
    CRON = "cron"


TITLES = {Tab.EVERY: "Every…", Tab.TIMES: "At times on days…", Tab.ONCE: "Once", Tab.CRON: "Cron"}
_KINDS = {
    Tab.EVERY: ScheduleType.INTERVAL,
    Tab.TIMES: ScheduleType.CRON,
    Tab.ONCE: ScheduleType.ONE_TIME,
    Tab.CRON: ScheduleType.CRON,
}
# Where a tab keeps the text that it was filled from.
_TEXTS = {Tab.EVERY: "interval", Tab.TIMES: "cron", Tab.ONCE: "instant", Tab.CRON: "cron"}
# Which field of a tab a fault of a recipe, or of the whole schedule, is told at.
_MAIN_FIELDS = {Tab.EVERY: "every_count", Tab.TIMES: "times", Tab.ONCE: "once_date", Tab.CRON: "cron"}
RECIPE_FIELDS = {
    "/count": "every_count",
    "/unit": "every_unit",
    "/date": "once_date",
    "/time": "once_time",
    "/times": "times",
    "/weekdays": "on_1",
    "/month_days": "month_days",
}
EMPTY = {
    **dict.fromkeys(("every_count", "every_from", "interval", "cron", "times", "month_days"), ""),
    **dict.fromkeys(("instant", "once_date", "once_time", "once_offset", "if_past"), ""),
    **{f"on_{number}": "" for number, _ in WEEKDAYS},
    "every_unit": "m",
    "days": "all",
    "tab": Tab.TIMES.value,
}
"""Every field of the tabs, with nothing in it."""


@dataclass(frozen=True, slots=True)
class Written:
    """A schedule as a tab says it: its kind and text, as the API takes them."""

    kind: ScheduleType
    text: str


def tab_of(fields: Fields) -> Tab:
    """The tab that speaks."""
    return Tab(fields["tab"]) if fields["tab"] in list(Tab) else Tab.CRON


def fields_of(text: str, kind: ScheduleType | None = None) -> dict[str, str]:
    """The tabs' fields for a schedule's text: the simplest tab that can say it speaks, and the others that can follow.

    `kind` None: the kind is read from the text.
    """
    written = Written(kind or kind_of(text), text)
    fields = {**EMPTY, **_filled(Tab.CRON, written)[0]} if written.kind is ScheduleType.CRON else dict(EMPTY)
    for tab in (Tab.EVERY, Tab.TIMES, Tab.ONCE):
        filled, can_say = _filled(tab, written)
        if can_say:
            return {**fields, **filled, "tab": tab.value}
    # What no recipe can say is left to the tab of its kind, as it is.
    tab = next(tab for tab in (Tab.EVERY, Tab.ONCE, Tab.CRON) if _KINDS[tab] is written.kind)
    return {**fields, _MAIN_FIELDS[tab]: text, "tab": tab.value}


def written_in(fields: Fields) -> Written:
    """What the tab that speaks says. Raises InvalidScheduleError, its pointer naming the part of a recipe at fault."""
    tab = tab_of(fields)
    present = fields[_TEXTS[tab]]
    text = present if tab is Tab.CRON else kept_or_written(_recipe(tab, fields), present)
    return Written(_KINDS[tab], text)


def switched(fields: Fields, to: Tab) -> tuple[dict[str, str], str | None]:
    """The fields with another tab speaking, filled from the one before, and the text that it cannot show, if any."""
    try:
        written = written_in(fields)
    except InvalidScheduleError:
        # Nothing readable to take along: the other tab stands as it was left.
        return {**fields, "tab": to.value}, None
    filled, can_say = _filled(to, written)
    kept = {**fields, **_raw(written), "tab": to.value}
    return ({**kept, **filled}, None) if can_say else (kept, written.text)


def field_of(fault: DomainError, fields: Fields) -> str:
    """The field of the tabs at which a fault of the schedule is told."""
    return RECIPE_FIELDS.get(fault.pointer) or _MAIN_FIELDS[tab_of(fields)]


def _recipe(tab: Tab, fields: Fields) -> Recipe:
    match tab:
        case Tab.EVERY:
            return Every.read(fields["every_count"], fields["every_unit"])
        case Tab.ONCE:
            return Moment.read(fields["once_date"], fields["once_time"], fields["once_offset"])
        case _:
            weekdays = [number for number, _ in WEEKDAYS if fields[f"on_{number}"]]
            return DayTimes.read(
                fields["times"],
                weekdays if fields["days"] == "week" else None,
                fields["month_days"] if fields["days"] == "month" else None,
            )


def _raw(written: Written) -> dict[str, str]:
    """The text itself, in the field that keeps texts of its kind."""
    tab = next(tab for tab, kind in _KINDS.items() if kind is written.kind)
    return {_TEXTS[tab]: written.text}


def _filled(tab: Tab, written: Written) -> tuple[dict[str, str], bool]:
    """A tab's own fields for a schedule, and whether it can say it."""
    if written.kind is not _KINDS[tab]:
        return {}, False
    if tab is Tab.CRON:
        return {"cron": written.text}, True
    recipe = {Tab.EVERY: Every.of, Tab.TIMES: DayTimes.of, Tab.ONCE: Moment.of}[tab](written.text)
    match recipe:
        case None:
            return {}, False
        case Every(count, unit):
            filled = {"every_count": str(count), "every_unit": unit}
        case Moment(date, time, offset):
            filled = {"once_date": date, "once_time": time, "once_offset": offset}
        case DayTimes():
            filled = _day_fields(recipe)
        case _:
            assert_never(recipe)
    return {**filled, **_raw(written)}, True


def _day_fields(recipe: DayTimes) -> dict[str, str]:
    by_month = recipe.month_days or recipe.last_day
    return {
        "times": recipe.times_text,
        "days": "month" if by_month else "week" if recipe.weekdays else "all",
        "month_days": recipe.month_days_text,
        **{f"on_{number}": "1" if number in recipe.weekdays else "" for number, _ in WEEKDAYS},
    }
