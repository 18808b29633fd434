"""What the form calls its fields, in the order in which they stand in it; and texts of the API in these words."""

import re

IF_PAST = "If it has passed by then, run at once"
LABELS = {
    "name": "Name",
    "task_type": "Type",
    "handler": "Handler",
    "delivery": "Run by",
    "description": "Description",
    "tags": "Tags",
    "every_count": "Every",
    "every_unit": "Unit",
    "every_from": "Counted from",
    "times": "Times",
    "on_1": "Weekdays",
    "month_days": "Days of the month",
    "once_date": "Date",
    "once_time": "Time",
    "once_offset": "Offset from UTC",
    "if_past": IF_PAST,
    "cron": "Cron expression",
    "timezone": "Time zone",
    "payload": "Payload as JSON",
    "misfire": "If runs were missed",
    "grace": "Grace",
    "catch_up_max": "At most, if all are run",
    "overlap": "If an earlier run is still open",
    "max_retries": "Retries",
    "backoff_kind": "Wait before a retry",
    "backoff_initial": "First wait",
    "backoff_cap": "Longest wait",
    "backoff_delays": "Listed waits",
    "timeout": "Time limit",
    "fail_after": "Stop after",
    "jitter": "Jitter",
    "start_at": "Not before",
    "end_at": "Not after",
    "max_runs": "Runs in all",
    "reason": "Reason",
}
_ORDER = {name: place for place, name in enumerate(LABELS)}
# Names of one word are words of their own elsewhere; in front of "must", each is the field.
_NAMES = re.compile(rf"\b(?:{'|'.join(name for name in LABELS if '_' in name)})\b|^(?:{'|'.join(LABELS)})(?= must\b)")


def place_of(field: str) -> int:
    """Where a field stands in the form, for sorting; an input of the payload stands where the payload does."""
    return _ORDER.get(field.partition(".")[0], len(_ORDER))


def worded(text: str) -> str:
    """A text of the API with the labels of the fields it names."""
    return _NAMES.sub(lambda found: f"“{LABELS[found[0]]}”", text)
