"""What each action on many tasks is called, and how its plans and results are told."""

from collections.abc import Mapping
from dataclasses import dataclass

from application.scheduling.explanations.words import counted
from application.scheduling.services.batch_change import BatchItem, Outcome
from application.scheduling.services.batch_orders import BatchAction


@dataclass(frozen=True, slots=True)
class Wording:
    """An action in words.

    `offer` stands in a choice, `ask` before "3 tasks?", `done` behind "3 tasks", `already` behind what stays as it is;
    `means` says what comes of it.
    """

    offer: str
    ask: str
    done: str
    already: str
    means: str


ACTIONS: Mapping[BatchAction, Wording] = {
    BatchAction.PAUSE: Wording(
        "Pause",
        "Pause",
        "paused",
        "paused already, and keeps its reason",
        "They run nothing by themselves until they are resumed. Executions that are open go on to their end.",
    ),
    BatchAction.RESUME: Wording(
        "Resume",
        "Resume",
        "resumed",
        "active already",
        "They run again at their next occurrence.",
    ),
    BatchAction.RUN: Wording(
        "Run now",
        "Run",
        "started",
        "running already",
        "Each gets one execution at once, whatever its schedule says. That cannot be taken back; an execution can be "
        "cancelled.",
    ),
    BatchAction.ADD_TAG: Wording("Add a tag", "Tag", "tagged", "has the tag already", "They can then be found by it."),
    BatchAction.REMOVE_TAG: Wording(
        "Remove a tag", "Untag", "untagged", "does not have the tag", "They are no longer found by it."
    ),
    BatchAction.SET_TIMEZONE: Wording(
        "Set the time zone",
        "Move",
        "moved to the time zone",
        "in that time zone already",
        "Their schedules are then read on the clocks of that zone, so their next runs move. Each task's versions keep "
        "the zone it had.",
    ),
    BatchAction.DELETE: Wording(
        "Delete",
        "Delete",
        "deleted",
        "deleted already",
        "They run no more, and what is open is cancelled. For 30 days they can be undeleted.",
    ),
    BatchAction.UNDELETE: Wording(
        "Undelete",
        "Undelete",
        "undeleted",
        "not deleted",
        "They are as they were. What they would have run meanwhile is on record as not run.",
    ),
}


def item_words(action: BatchAction, item: BatchItem, *, is_plan: bool) -> str:
    """What becomes, or became, of one task."""
    match item.outcome:
        case Outcome.DONE:
            return f"will be {ACTIONS[action].done}" if is_plan else ACTIONS[action].done
        case Outcome.REPEATED:
            return f"{ACTIONS[action].done} by this form before"
        case Outcome.UNCHANGED:
            return f"stays as it is: {ACTIONS[action].already}"
        case Outcome.REFUSED:
            return f"{'cannot be' if is_plan else 'was not'} {ACTIONS[action].done}: {item.detail}"


def tally_words(action: BatchAction, counts: Mapping[Outcome, int], *, is_plan: bool) -> str:
    """What becomes, or became, of all of them, as one sentence."""
    done, unchanged, refused = counts[Outcome.DONE], counts[Outcome.UNCHANGED], counts[Outcome.REFUSED]
    said = [f"{counted(done, 'task')} {'will be ' if is_plan else ''}{ACTIONS[action].done}"]
    if counts[Outcome.REPEATED]:
        said.append(f"{counts[Outcome.REPEATED]:,} {ACTIONS[action].done} by this form before")
    if unchanged:
        said.append(f"{unchanged:,} {'stay' if is_plan else 'stayed'} as they {'are' if is_plan else 'were'}")
    if refused:
        said.append(f"{refused:,} {'cannot be' if is_plan else 'was refused' if refused == 1 else 'were refused'}")
    return "; ".join(said) + "."
