"""Processes as rows of plain values, and back; their handlers are JSON text, which stores keep as it is."""

import json

from adapters.records.packing import UNREADABLE, Row, packed
from application.scheduling.ports.membership import HandlerSpec, Member
from domain.scheduling.identifiers import instant_of, microseconds

MEMBER_FIELDS = ("node_id", "roles", "host", "pid", "started_at", "handlers", "concurrency")


def member_row(member: Member) -> Row:
    """A process as MEMBER_FIELDS."""
    handlers = [
        [each.task_type, each.name, each.description, each.payload_schema, dict(each.defaults)]
        for each in member.handlers
    ]
    return (
        member.node_id,
        packed(sorted(member.roles)),
        member.host,
        member.pid,
        microseconds(member.started_at),
        packed(handlers),
        member.concurrency,
    )


def member_of(row: Row) -> Member | None:
    """The process of a row of MEMBER_FIELDS; None if it cannot be read."""
    try:
        node_id, roles, host, pid, started_at, handlers, concurrency = row
        return Member(
            node_id=node_id,
            roles=frozenset(json.loads(roles)),
            host=host,
            pid=pid,
            started_at=instant_of(started_at),
            handlers=tuple(HandlerSpec(*each) for each in json.loads(handlers)),
            concurrency=concurrency,
        )
    except UNREADABLE:
        return None
