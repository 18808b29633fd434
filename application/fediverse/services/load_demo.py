"""Fill the content database with a small fediverse in every state the maintenance tasks care about.

Every row follows from its number alone, and is known by a natural key: loading twice adds nothing, loading with more
rows adds the difference. No randomness: the same command shows the same pages to everybody.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

from application.fediverse.ports.demo_content import DemoContent, DemoEntity, DemoRow
from application.fediverse.services.captured import Captured, CapturedActivity, captured

ROWS_MAX = 10_000_000
CHUNK_ROWS = 5_000
LOG_DAYS = 60
CONTENT_DAYS = 400
LOCAL_DOMAIN = "local.example"


@dataclass(frozen=True, slots=True)
class DemoCounts:
    """How many rows were added; rows that were there already are not counted."""

    instances: int
    users: int
    communities: int
    posts: int
    replies: int
    activities: int
    bookmarks: int
    votes: int
    reports: int


async def load_demo(content: DemoContent, data_dir: Path | None, *, rows: int, now: datetime) -> DemoCounts:
    """Add demonstration content around `rows` log entries, and answer what was added.

    `rows` is cut to 1..10,000,000; users, posts and replies come in proportion. `data_dir` is the folder of captured
    activities and known instances; None or an empty folder: an invented set. The newest rows are as old as `now`.
    """
    source = await asyncio.to_thread(captured, data_dir)
    return await Demo(content, source, max(1, min(rows, ROWS_MAX)), now).load()


@dataclass(slots=True)
class Demo:
    """One loading: entity after entity, each referring to the ids of those before it."""

    content: DemoContent
    source: Captured
    rows: int
    now: datetime

    async def load(self) -> DemoCounts:
        """Add everything, in the order in which it refers to each other."""
        users, posts = max(60, self.rows // 20), max(60, self.rows // 10)
        instance_ids, instances = await self._add("instance", len(self.source.instances) + 1, self._instance)
        user_ids, added_users = await self._add("user", users, lambda n: self._user(n, instance_ids))
        community_ids, communities = await self._add("community", 12, lambda n: self._community(n, instance_ids))
        authors = Authors(user_ids, community_ids, instance_ids)
        post_ids, added_posts = await self._add("post", posts, lambda n: self._post(n, authors))
        replies = await self._replies(post_ids, authors)
        _, activities = await self._add("activity_pub_log", self.rows, self._activity)
        marks = {
            entity: (await self._add(entity, posts // 7, lambda n, e=entity: self._mark(e, n, post_ids, user_ids)))[1]
            for entity in ("post_bookmark", "post_vote", "report")
        }
        return DemoCounts(
            instances=instances,
            users=added_users,
            communities=communities,
            posts=added_posts,
            replies=replies,
            activities=activities,
            bookmarks=marks["post_bookmark"],
            votes=marks["post_vote"],
            reports=marks["report"],
        )
