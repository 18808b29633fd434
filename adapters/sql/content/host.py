"""What there is to know of the tables that hold the content, besides the names that all of them share.

The reference schema is ours. Other tables belong to an application (PieFed and its forks), are used as they are found
and never altered: they may not say when a row was deleted, may keep more of its text, may have tables that lead to it,
by foreign key or by a number alone, and may have other names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from adapters.sql.content.names import PIEFED, Names
from adapters.sql.content.tables import UtcDateTime
from application.fediverse.ports.orphaned_content import Content
from application.fediverse.ports.tombstones import Entity

BLANK_TITLE = "[deleted]"
# The column in which a row itself may say when it was deleted.
OWN_DATE: Mapping[Entity, str] = {"user": "ap_deleted_at", "post": "deleted_at", "post_reply": "deleted_at"}
_BLANK: Mapping[Content, Mapping[str, str | None]] = {
    "post": {"title": BLANK_TITLE, "body": "", "url": None},
    "post_reply": {"body": ""},
}
# What `instance` itself may show; PieFed's does not.
SHOWN = ("user_count", "post_count")
# Text as it is shown, beside the text as it was written.
RENDERED = "body_html"
# The ids of the posts elsewhere that show the same link; each of them names all the others.
CROSS_POSTS = "cross_posts"

# Rows that outlive the content and forget it.
NULLIFIED = frozenset({"mod_log"})
# Rows that go with the content; one that refers to another of them stands before it.
REMOVED = (
    "poll_choice_vote",
    "poll_choice",
    "poll",
    "event_user",
    "event",
    "post_vote",
    "post_reply_vote",
    "post_bookmark",
    "post_reply_bookmark",
    "report",
    "post_tag",
    "post_flair",
    "post_file",
    "read_posts",
    "hidden_posts",
)


@dataclass(frozen=True, slots=True)
class SoftReference:
    """A column that holds ids of content without a foreign key; rows go with the content they lead to."""

    table: str
    column: str
    target: Content
    only: tuple[str, int] | None = None  # another column and its value that say that the id is one of `target`

    @property
    def columns(self) -> Sequence[str]:
        """The columns that it goes by."""
        return (self.column,) if self.only is None else (self.column, self.only[0])

    def named(self, names: Names) -> "SoftReference":
        """The same as an application with names of its own has it."""
        only = None if self.only is None else (names.column(self.table, self.only[0]), self.only[1])
        column = names.column(self.table, self.column)
        return replace(self, table=names.table(self.table), column=column, only=only)


# Those of PieFed; where a table or a column of them does not exist, nothing leads from it. Notifications, whose targets
# are a JSON nobody can search, are left to the application: it keeps them 90 days, no longer than what they tell of.
SOFT_REFERENCES = (
    SoftReference("reminder", "reminder_destination", "post", only=("reminder_type", 1)),
    SoftReference("reminder", "reminder_destination", "post_reply", only=("reminder_type", 2)),
    SoftReference("archived_post_reply", "post_id", "post"),
    SoftReference("notification_subscription", "entity_id", "post", only=("type", 3)),
    SoftReference("notification_subscription", "entity_id", "post_reply", only=("type", 4)),
)


@dataclass(frozen=True, slots=True)
class Host:
    """The tables of one content database."""

    dated: frozenset[Entity] = frozenset(OWN_DATE)  # whose rows can say themselves when they were deleted
    shown: frozenset[str] = frozenset()  # the columns of `instance` that take figures
    rendered: frozenset[Content] = frozenset()  # whose rows keep their text a second time, as HTML
    names: Names = PIEFED
    published_status_min: int = 1
    legal_hold: frozenset[int] = frozenset()  # communities whose content is neither removed nor overwritten
    has_cross_posts: bool = False
    nullified: frozenset[str] = NULLIFIED
    removed: Sequence[str] = REMOVED
    soft: Sequence[SoftReference] = SOFT_REFERENCES
    has_application: bool = False

    def is_on_hold(self, row: sa.FromClause) -> sa.ColumnElement[bool]:
        """`row`, a post or a reply, lies in a community that must keep what it has."""
        return row.c.community_id.in_(sorted(self.legal_hold)) if self.legal_hold else sa.false()

    def own_date(self, entity: Entity, row: sa.FromClause) -> sa.ColumnElement[Any]:
        """When `row` was deleted by its own word; null where it can't say."""
        return row.c[OWN_DATE[entity]] if entity in self.dated else sa.literal(None, UtcDateTime())

    def blanking(self, entity: Content, ids: Sequence[int]) -> sa.Update:
        """What takes their text from these rows of `entity`, where any is left."""
        texts = dict(_BLANK[entity])
        if entity in self.rendered:
            texts[RENDERED] = ""
        relation = sa.table(entity, sa.column("id", sa.Integer), *(sa.column(name, sa.Text) for name in texts))
        is_there = sa.or_(*(relation.c[name].is_distinct_from(blank) for name, blank in texts.items()))
        return sa.update(relation).where(relation.c.id.in_(ids), is_there).values(texts)
