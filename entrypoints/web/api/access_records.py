"""The API of the record of access: what happened at the door, and whether somebody has changed what it says."""

from aiohttp import web
from typing_extensions import TypedDict

from application.scheduling.document_types import InstantText
from application.scheduling.iso_text import instant
from application.scheduling.ports.access_trail import AccessFilter
from domain.access.record import AccessAction, AccessRecord
from domain.scheduling.change import Via
from entrypoints.web.answers import json_answer
from entrypoints.web.api.parameters import LIMIT, choice, number, text
from entrypoints.web.contract.operations import ok, operation
from entrypoints.web.keys import SERVICES
from entrypoints.web.requests.parameters import NUMBER_MAX, QUERY


class AccessRecordDocument(TypedDict):
    """What somebody did at the door, or tried. `actor` is empty for a stranger, `address` for this machine."""

    number: int
    at: InstantText
    actor: str
    via: Via
    address: str
    action: AccessAction
    subject: str
    detail: str
    hash: str


class AccessRecordsDocument(TypedDict):
    """A page of the record, newest first; `older_than` asks for the next one; null: this is the last."""

    records: list[AccessRecordDocument]
    older_than: int | None


class AccessCheckDocument(TypedDict):
    """How the chain was found. `head_hash` is that of the last record that fits; note it elsewhere to compare later.

    `broken_at` is the number of the first record that was altered or is missing; null: all are as they were written.
    """

    first: int
    whole: int
    broken_at: int | None
    head_number: int
    head_hash: str


ACTOR = text("actor", "Only what this user or token did.")
SUBJECT = text("subject", "Only what was done to this user or token.")
ACTION = choice("action", "Only records of this kind.", AccessAction)
OLDER_THAN = number(
    "older_than", "Only records with a smaller number: where the page begins.", default=NUMBER_MAX, most=NUMBER_MAX
)


@operation(
    "Read the record of access",
    ok(AccessRecordsDocument, "A page."),
    query=(ACTOR, SUBJECT, ACTION, OLDER_THAN, LIMIT),
)
async def read_access_records(request: web.Request) -> web.Response:
    """A page of sign-ins, refusals, and changes of users, tokens and sessions, newest first."""
    query = request[QUERY]
    page = await request.app[SERVICES].access.trail.page(
        AccessFilter(query[ACTOR], query[SUBJECT], query[ACTION]), limit=query[LIMIT], older_than=query[OLDER_THAN]
    )
    document: AccessRecordsDocument = {
        "records": [_record(each) for each in page.records],
        "older_than": page.older_than,
    }
    return json_answer(document)


@operation("Check the record of access", ok(AccessCheckDocument, "What was found."))
async def check_access_records(request: web.Request) -> web.Response:
    """Follow the chain of hashes through every record that is kept."""
    found = await request.app[SERVICES].access.trail.check()
    document: AccessCheckDocument = {
        "first": found.first,
        "whole": found.whole,
        "broken_at": found.broken_at,
        "head_number": found.head.number,
        "head_hash": found.head.hash,
    }
    return json_answer(document)


def _record(record: AccessRecord) -> AccessRecordDocument:
    deed = record.deed
    return {
        "number": record.number,
        "at": instant(record.at),
        "actor": deed.by.actor,
        "via": deed.by.via,
        "address": deed.by.address,
        "action": deed.action,
        "subject": deed.subject,
        "detail": deed.detail,
        "hash": record.hash,
    }
