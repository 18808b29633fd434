import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sql.content.sqlite import open_sqlite_content
from tests.support.content import DAY, PassingClock, counted, perform
from tests.support.content_bases import ContentFile
from tests.support.manual_clock import NOON
from tests.support.piefed import PURGE as TASK

OLD = NOON - 100 * DAY
YOUNG = NOON - 10 * DAY
YEAR_AGO = NOON - 365 * DAY


def gone(at: Any = OLD) -> dict[str, Any]:
    return {"deleted": True, "deleted_at": at}


@st.composite
def forests(draw: st.DrawFn) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Posts and replies in any state, each reply answering an earlier one of the same post or the post itself."""
    states = st.sampled_from([{}, gone(), gone(), gone(YOUNG), gone(None)])
    posts: list[Mapping[str, Any]] = [draw(states) for _ in range(draw(st.integers(1, 4)))]
    replies: list[Mapping[str, Any]] = []
    for number in range(draw(st.integers(0, 10))):
        post = draw(st.integers(1, len(posts)))
        above = [None, *(n + 1 for n in range(number) if replies[n]["post_id"] == post)]
        replies.append({"post_id": post, "parent_id": draw(st.sampled_from(above)), **draw(states)})
    return posts, replies


PAYLOADS = st.fixed_dictionaries(
    {},
    optional={
        "keep_bookmarked": st.booleans(),
        "skip_reported": st.booleans(),
        "keep_with_live_replies": st.booleans(),
        "entities": st.sampled_from([["post"], ["post_reply"], ["post", "post_reply"]]),
        "clock": st.sampled_from(["auto", "deleted_at", "posted_at"]),
        "days_to_retain": st.sampled_from([5, 90]),
    },
)


@settings(max_examples=25)
@given(forest=forests(), payload=PAYLOADS, bookmarked=st.sets(st.integers(1, 10)), reported=st.sets(st.integers(1, 4)))
def test_a_dry_run_foretells_the_run_and_nothing_is_left_hanging(
    forest: tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]],
    payload: Mapping[str, Any],
    bookmarked: set[int],
    reported: set[int],
) -> None:
    posts, replies = forest

    async def scenario(database: ContentFile) -> None:
        clock = PassingClock()
        async with open_sqlite_content(database.path) as content:
            database.add_all("post", [{"posted_at": YEAR_AGO, "deleted": False, **post} for post in posts])
            database.add_all("post_reply", [{"posted_at": YEAR_AGO, **reply} for reply in replies])
            marks = [{"post_reply_id": id_} for id_ in sorted(bookmarked) if id_ <= len(replies)]
            database.add_all("post_reply_bookmark", marks)
            database.add_all("report", [{"suspect_post_id": id_} for id_ in sorted(reported) if id_ <= len(posts)])
            before = database.dump()

            rehearsed = await perform(TASK, {**payload, "dry_run": True}, content, clock)
            assert database.dump() == before
            done = await perform(TASK, payload, content, clock)
            again = await perform(TASK, payload, content, clock)

        assert counted(rehearsed.facts["rows"]) == counted(done.facts["rows"])
        assert again.facts["rows"].get("posts.purged", 0) == again.facts["rows"].get("replies.purged", 0) == 0
        dangling = "post_id NOT IN (SELECT id FROM post) OR parent_id NOT IN (SELECT id FROM post_reply)"
        assert database.ids("post_reply", dangling) == []
        assert database.value("PRAGMA foreign_key_check") is None
        assert set(database.ids("post")) >= {id_ for id_, post in enumerate(posts, 1) if not post}

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(ContentFile(Path(folder) / "content.db")))
