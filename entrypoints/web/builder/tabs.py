"""The four ways in which the form says when: tabs over one schedule, each filled from the one before.

A tab that cannot say what another one says is empty, and tells so; what cannot be read in one stays behind. Beside the
fields of the tab that speaks stands, to the letter, the last text that could be read (`said`): as long as a tab says
the same, that text it is. All conversions are the domain's.
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
# Which field of a tab a fault of a recipe, or of the whole schedule, is told at.
MAIN_FIELDS = {Tab.EVERY: "every_count", Tab.TIMES: "times", Tab.ONCE: "once_date", Tab.CRON: "cron"}
RECIPE_FIELDS = {
    "/count": "every_count",
    "/unit": "every_unit",
    "/date": "once_date",
    "/time": "once_time",
    "/times": "times",
    "/weekdays": "on_1",
    "/month_days": "month_days",
}
_BLANK = {
    **dict.fromkeys(("every_count", "cron", "times", "month_days", "once_date", "once_time", "once_offset"), ""),
    **{f"on_{number}": "" for number, _ in WEEKDAYS},
    "every_unit": "m",
    "days": "all",
}
EMPTY = {**_BLANK, **dict.fromkeys(("every_from", "if_past", "said", "said_kind"), ""), "tab": Tab.TIMES.value}
"""Every field of the tabs, with nothing in it."""


@dataclass(frozen=True, slots=True)
class Written:
    """A schedule as a tab says it: its kind and text, as the API takes them."""

    kind: ScheduleType
    text: str


@dataclass(frozen=True, slots=True)
class Switched:
    """The fields with another tab speaking.

    `cannot_show` is the schedule's text if that tab cannot say it, `left` what could not be read in the tab before.
    """

    fields: dict[str, str]
    cannot_show: str | None = None
    left: str | None = None


def tab_of(fields: Fields) -> Tab:
    """The tab that speaks."""
    return Tab(fields["tab"]) if fields["tab"] in list(Tab) else Tab.CRON


def fields_of(text: str, kind: ScheduleType | None = None) -> dict[str, str]:
    """The tabs' fields for a schedule's text, the simplest tab that can say it speaking; `kind` None: see `kind_of`."""
    written = Written(kind or kind_of(text), text)
    own = next(tab for tab in (Tab.EVERY, Tab.ONCE, Tab.CRON) if _KINDS[tab] is written.kind)
    for tab in (Tab.TIMES, own):
        if (filled := _filled(tab, written)) is not None:
            return {**EMPTY, **filled, **_kept(written), "tab": tab.value}
    # What cannot be read is left to the tab of its kind, as it is.
    return {**EMPTY, MAIN_FIELDS[own]: text, "tab": own.value}


def written_in(fields: Fields) -> Written:
    """What the tab that speaks says. Raises InvalidScheduleError, its pointer naming the part of a recipe at fault."""
    tab, said = tab_of(fields), _said(fields)
    if tab is Tab.CRON:
        return Written(ScheduleType.CRON, fields["cron"])
    present = said.text if said is not None and said.kind is _KINDS[tab] else ""
    return Written(_KINDS[tab], kept_or_written(_recipe(tab, fields), present))


def switched(fields: Fields, to: Tab) -> Switched:
    """Another tab, filled from the one before; from what was said last if that one is empty or cannot be read."""
    typed, left = fields[MAIN_FIELDS[tab_of(fields)]].strip(), None
    try:
        written = written_in(fields) if typed else _said(fields)
    except InvalidScheduleError:
        written, left = _said(fields), typed
    if written is None:
        return Switched({**fields, **_BLANK, "tab": to.value}, left=left)
    filled = _filled(to, written)
    kept = {**fields, **_BLANK, **_kept(written), "tab": to.value}
    return Switched(kept, written.text, left) if filled is None else Switched({**kept, **filled}, left=left)


def field_of(fault: DomainError, fields: Fields) -> str:
    """The field of the tabs at which a fault of the schedule is told."""
    named = RECIPE_FIELDS.get(fault.pointer)
    if named is None and tab_of(fields) is Tab.ONCE and _is_time_at_fault(fields):
        return RECIPE_FIELDS["/time"]
    return named or MAIN_FIELDS[tab_of(fields)]


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


def _is_time_at_fault(fields: Fields) -> bool:
    """True if the date can be read alone, and no more once its time stands behind it."""
    moment = Moment.read(fields["once_date"], fields["once_time"], fields["once_offset"])
    return Moment.of(moment.date) is not None and Moment.of(moment.text) is None


def _kept(written: Written) -> dict[str, str]:
    return {"said": written.text, "said_kind": written.kind.value}


def _said(fields: Fields) -> Written | None:
    """The last text that could be read; None: there was none."""
    if not fields["said"] or fields["said_kind"] not in list(ScheduleType):
        return None
    return Written(ScheduleType(fields["said_kind"]), fields["said"])


def _filled(tab: Tab, written: Written) -> dict[str, str] | None:
    """A tab's own fields for a schedule; None if it cannot say it."""
    if written.kind is not _KINDS[tab]:
        return None
    if tab is Tab.CRON:
        return {"cron": written.text}
    recipe = {Tab.EVERY: Every.of, Tab.TIMES: DayTimes.of, Tab.ONCE: Moment.of}[tab](written.text)
    match recipe:
        case None:
            return None
        case Every(count, unit):
            return {"every_count": str(count), "every_unit": unit}
        case Moment(date, time, offset):
            return {"once_date": date, "once_time": time, "once_offset": offset}
        case DayTimes():
            return _day_fields(recipe)
        case _:
            assert_never(recipe)


def _day_fields(recipe: DayTimes) -> dict[str, str]:
    by_month = recipe.month_days or recipe.last_day
    return {
        "times": recipe.times_text,
        "days": "month" if by_month else "week" if recipe.weekdays else "all",
        "month_days": recipe.month_days_text,
        **{f"on_{number}": "1" if number in recipe.weekdays else "" for number, _ in WEEKDAYS},
    }
