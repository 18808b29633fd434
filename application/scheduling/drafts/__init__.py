"""Tasks as people write them: the flat JSON of the API, the forms and the files, read into a Definition."""

from application.scheduling.drafts.definition import HandlerDefaults, define, payload_text, schedule_from
from application.scheduling.drafts.faults import Faults
from application.scheduling.drafts.reading import body_from
from application.scheduling.drafts.scalars import REASON_MAX, Duration, Instant, Payload, Reason, reason_from
from application.scheduling.drafts.shapes import READ_ONLY, BackoffBody, PolicyBody, TaskBody, faults_of

__all__ = [
    "READ_ONLY",
    "REASON_MAX",
    "BackoffBody",
    "Duration",
    "Faults",
    "HandlerDefaults",
    "Instant",
    "Payload",
    "PolicyBody",
    "Reason",
    "TaskBody",
    "body_from",
    "define",
    "faults_of",
    "payload_text",
    "reason_from",
    "schedule_from",
]
