"""Why a deleted row stays or may go, as SQL: one word for each row, the first that fits in this order.

`young` (not deleted long enough, or nobody knows since when), `kept_legal_hold`, `kept_bookmarked`, `kept_reported`,
`kept_live_replies` (somebody has answered it), `kept_waiting` (only deleted answers hold it, which may not go yet) or
`purge`.
"""

from typing import Any

import sqlalchemy as sa

from adapters.sql.content.host import Host
from adapters.sql.content.orphaned_content import in_open_report
from adapters.sql.content.tables import post, post_bookmark, post_reply, post_reply_bookmark
from adapters.sql.content.tombstones import seen_deleted_at, tombstone_of
from application.fediverse.ports.deleted_content import Purge
from application.fediverse.ports.orphaned_content import Content

PURGE = "purge"
YOUNG = "young"

_Case = tuple[sa.ColumnElement[bool], str]
_BOOKMARKED = {"post": post_bookmark.c.post_id, "post_reply": post_reply_bookmark.c.post_reply_id}


def reply_verdict(host: Host, purge: Purge) -> sa.Case[str]:
    """The word for the row of `post_reply` in the enclosing query."""
    answer = post_reply.alias("answer")
    below = _ids_below(post_reply)
    answers = sa.select(sa.literal(1)).select_from(below.join(answer, answer.c.id == below.c.id))
    live = answers.where(answer.c.deleted == sa.false())
    staying = answers.where(_stays(host, answer, purge))
    return sa.case(
        (_is_young(host, "post_reply", post_reply, purge), YOUNG),
        *_spared(host, "post_reply", post_reply, purge),
        (live.exists(), "kept_live_replies"),
        (staying.exists(), "kept_waiting"),
        else_=PURGE,
    )


def post_verdict(host: Host, purge: Purge, *, rehearsal: bool) -> sa.Case[str]:
    """The word for the row of `post` in the enclosing query.

    A rehearsal thinks away the replies that the same run would have removed before.
    """
    return sa.case(
        (_is_young(host, "post", post, purge), YOUNG),
        *_spared(host, "post", post, purge),
        *_held_by_replies(host, purge, rehearsal=rehearsal),
        else_=PURGE,
    )


def _held_by_replies(host: Host, purge: Purge, *, rehearsal: bool) -> list[_Case]:
    reply = post_reply.alias("reply")
    replies = sa.select(reply.c.id).where(reply.c.post_id == post.c.id).correlate(post)
    if not purge.keep_with_live_replies:
        spared = [condition for condition, _ in _spared(host, "post_reply", reply, purge)]
        return [(replies.where(sa.or_(sa.false(), *spared)).exists(), "kept_waiting")]
    live = replies.where(reply.c.deleted == sa.false())
    left = replies.where(_stays(host, reply, purge)) if rehearsal and purge.replies_first else replies
    return [(live.exists(), "kept_live_replies"), (left.exists(), "kept_waiting")]


def _ids_below(row: sa.FromClause) -> sa.CTE:
    """The answers to `row`, the answers to those and so on; UNION ends a chain that bites its own tail."""
    child, grandchild = post_reply.alias("child"), post_reply.alias("grandchild")
    children = sa.select(child.c.id).where(child.c.parent_id == row.c.id).correlate(row)
    below = children.cte("below", recursive=True, nesting=True)
    return below.union(sa.select(grandchild.c.id).join(below, grandchild.c.parent_id == below.c.id))


def _stays(host: Host, reply: sa.FromClause, purge: Purge) -> sa.ColumnElement[bool]:
    """The reply would not go even if nobody had answered it."""
    spared = [condition for condition, _ in _spared(host, "post_reply", reply, purge)]
    return sa.or_(reply.c.deleted == sa.false(), _is_young(host, "post_reply", reply, purge), *spared)


def _spared(host: Host, entity: Content, row: sa.FromClause, purge: Purge) -> list[_Case]:
    cases: list[_Case] = []
    if host.legal_hold:
        cases.append((host.is_on_hold(row), "kept_legal_hold"))
    if purge.keep_bookmarked:
        bookmark = _BOOKMARKED[entity]
        cases.append((sa.select(bookmark).where(bookmark == row.c.id).correlate(row).exists(), "kept_bookmarked"))
    if purge.skip_reported:
        cases.append((in_open_report(entity, row), "kept_reported"))
    return cases


def _is_young(host: Host, entity: Content, row: sa.FromClause, purge: Purge) -> sa.ColumnElement[bool]:
    return sa.not_(sa.func.coalesce(_deleted_at(host, entity, row, purge) < purge.before, sa.false()))


def _deleted_at(host: Host, entity: Content, row: sa.FromClause, purge: Purge) -> sa.ColumnElement[Any]:
    match purge.clock:
        case "posted_at":
            return row.c.posted_at
        case "deleted_at":
            return host.own_date(entity, row)
        case "tombstone":
            return tombstone_of(entity, row).scalar_subquery()
        case "auto":
            return seen_deleted_at(host, entity, row)
