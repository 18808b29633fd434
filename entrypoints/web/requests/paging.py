"""The pages of a list: the way to the first of them, to the one before and to the next.

A cursor leads on, and never back. So the address of a page brings along where the pages before it began: its trail, of
which the oldest part is left out once it is long. Whoever has no trail is led to the first page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from entrypoints.web.requests.parameters import CURSOR_MAX, Query

TRAIL = "trail"
TRAIL_CHARACTERS_MAX = 2_000
# What belongs to one look at one page, and not to the list.
_OF_ONE_PAGE = (TRAIL, "notice", "check")


@dataclass(frozen=True, slots=True)
class Pages:
    """The queries of other pages of a list. `first` None: this is the first; else None: there is no such page."""

    first: str | None
    before: str | None
    after: str | None


def pages_of(query: Query, following: Mapping[str, str], *, place: tuple[str, ...] = ("cursor",)) -> Pages:
    """The other pages of the list that an address shows; `following` says where the next one begins.

    `place` are the parameters that say where a page begins. Raises RequestError for a trail that is none.
    """
    given, trail = query.given, (query.text(TRAIL, characters_max=CURSOR_MAX) or "").split()
    here = urlencode({name: given[name] for name in place if name in given})
    list_ = {name: text for name, text in given.items() if name not in (*place, *_OF_ONE_PAGE)}
    before = {name: text for name, text in parse_qsl(trail[-1]) if name in place} if trail and here else {}
    return Pages(
        urlencode(list_) if here else None,
        urlencode({**list_, **before, **_trail(trail[:-1])}) if before else None,
        urlencode({**list_, **following, **_trail([*trail, here])}) if following else None,
    )


def at_cursor(cursor: str | None) -> Mapping[str, str]:
    """Where the next page begins, as `pages_of` takes it."""
    return {} if cursor is None else {"cursor": cursor}


def _trail(places: list[str]) -> dict[str, str]:
    kept = " ".join(filter(None, places))
    while len(kept) > TRAIL_CHARACTERS_MAX:
        kept = kept.partition(" ")[2]
    return {TRAIL: kept} if kept else {}
