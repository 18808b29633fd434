"""Fill the content database with a demonstration: loading twice adds nothing, loading more rows adds the difference."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from application.fediverse.ports.content import ContentPorts
from application.fediverse.ports.demo_content import Added, DemoContent, DemoEntity, DemoRow
from application.fediverse.services.captured import captured
from application.fediverse.services.demo_rows import COMMUNITIES, DEPTH, LOCAL, MARKED, DemoRows, People, ancestors

ROWS_MAX = 10_000_000
CHUNK_ROWS = 2_000
CONTENT_MIN = 70


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


async def load_demo(content: ContentPorts, data_dir: Path | None, rows: int, now: datetime) -> DemoCounts:
    """Add a demonstration with `rows` log entries (cut to 1..10,000,000) and content in proportion.

    `data_dir` is the folder of captured activities and known instances; None, or one without them: an invented set.
    The ages of the rows are counted from `now`. Raises StoreUnavailableError; the call may be repeated.
    """
    source = await asyncio.to_thread(captured, data_dir)
    demo = DemoRows([LOCAL, *source.instances], source.activities, now)
    return await _Loading(content.demo, demo).load(max(1, min(rows, ROWS_MAX)))


@dataclass(frozen=True, slots=True)
class _Loading:
    content: DemoContent
    demo: DemoRows

    async def load(self, rows: int) -> DemoCounts:
        """Add everything, in the order in which it refers to each other."""
        demo, add = self.demo, self._add
        users, posts = max(CONTENT_MIN, rows // 20), max(CONTENT_MIN, rows // 10)
        instances = await add("instance", range(len(demo.instances)), demo.instance)
        authors = await add("user", range(users), partial(demo.user, instances.ids))
        communities = await add("community", range(COMMUNITIES), partial(demo.community, instances.ids, posts))
        people = People(authors.ids, communities.ids, instances.ids)
        content = await self._posts(posts, people)
        return DemoCounts(
            instances=instances.count,
            users=authors.count,
            communities=communities.count,
            posts=content.count,
            replies=await self._replies(content.ids, people),
            activities=await self._activities(rows),
            bookmarks=await self._marks("post_bookmark", content.ids, authors.ids),
            votes=await self._marks("post_vote", content.ids, authors.ids),
            reports=await self._marks("report", content.ids, authors.ids),
        )

    async def _add(self, entity: DemoEntity, numbers: Sequence[int], row: Callable[[int], DemoRow]) -> Added:
        ids: list[int] = []
        count = 0
        for chunk in _chunks(numbers):
            added = await self.content.add(entity, [row(number) for number in chunk])
            ids += added.ids
            count += added.count
        return Added(ids, count)

    async def _posts(self, posts: int, people: People) -> Added:
        pictured = range(2, posts, 10)
        files = await self._add("file", pictured, self.demo.file)
        image_ids = dict(zip(pictured, files.ids, strict=True))
        return await self._add(
            "post", range(posts), lambda number: self.demo.post(number, people, image_ids.get(number))
        )

    async def _replies(self, post_ids: Sequence[int], people: People) -> int:
        counts = [await self._threads(posts, post_ids, people) for posts in _chunks(range(len(post_ids)))]
        return sum(counts)

    async def _threads(self, posts: Sequence[int], post_ids: Sequence[int], people: People) -> int:
        """Add the threads below these posts, level by level: an answer needs the id of what it answers."""
        count = 0
        ids: dict[tuple[int, int], int] = {}
        places = [(post, place) for post in posts for place in self.demo.replies_to(post)]
        for level in range(DEPTH):
            here = [(post, place) for post, place in places if len(ancestors(place)) == level]
            rows = [
                self.demo.reply(post, place, post_ids[post], _parent(ids, post, place), people) for post, place in here
            ]
            added = await self.content.add("post_reply", rows)
            ids.update(zip(here, added.ids, strict=True))
            count += added.count
        return count

    async def _marks(self, entity: DemoEntity, posts: Sequence[int], users: Sequence[int]) -> int:
        first, every = MARKED[entity]
        numbers = range(len(range(first, len(posts), every)))
        return (await self._add(entity, numbers, partial(self.demo.mark, entity, posts, users))).count

    async def _activities(self, rows: int) -> int:
        # Their ids are of no use to anybody, and of ten million not to be kept.
        count = 0
        for chunk in _chunks(range(rows)):
            count += (await self.content.add("activity_pub_log", [self.demo.activity(rows, n) for n in chunk])).count
        return count


def _parent(ids: Mapping[tuple[int, int], int], post: int, place: int) -> int | None:
    above = ancestors(place)
    return ids[post, above[0]] if above else None


_Item = TypeVar("_Item")


def _chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), CHUNK_ROWS):
        yield items[start : start + CHUNK_ROWS]
