"""The rows of a demonstration, each a function of its number: a small fediverse in every state the tasks care about.

Live and deleted, deleted long ago, lately, or nobody knows when; authors who left or are missing; threads with live
and deleted answers. No randomness: the same number gives the same row to everybody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

from application.fediverse.ports.demo_content import DemoEntity, DemoRow
from application.fediverse.services.captured import CapturedActivity, KnownInstance

LOCAL = KnownInstance("This instance", "local.example", "", 0)
LOG_DAYS = 60
COMMUNITIES = 12
REPLIES_MAX = 5
# In every thread: a conversation of three, then one of two. Each entry is the place of the reply it answers.
PARENTS: tuple[int | None, ...] = (None, 0, 1, None, 3)
DEPTH = 3
# Which posts are marked: from this one, every so many.
MARKED: Mapping[DemoEntity, tuple[int, int]] = {"post_bookmark": (0, 7), "post_vote": (2, 3), "report": (2, 7)}


def pick(what: str, number: int, size: int) -> int:
    """A number below `size` that looks arbitrary and is always the same."""
    return crc32(f"{what}:{number}".encode()) % size


@dataclass(frozen=True, slots=True)
class People:
    """The ids that content refers to, in the order of their numbers."""

    users: Sequence[int]
    communities: Sequence[int]
    instances: Sequence[int]


@dataclass(frozen=True, slots=True)
class DemoRows:
    """The rows as of `now`. `instances` starts with the local one, which has id 1 in a new database."""

    instances: Sequence[KnownInstance]
    activities: Sequence[CapturedActivity]
    now: datetime

    def ago(self, **duration: float) -> datetime:
        """So long before now."""
        return self.now - timedelta(**duration)

    def instance(self, number: int) -> DemoRow:
        """An instance of the list."""
        known = self.instances[number]
        return {
            "domain": known.domain,
            "inbox": f"https://{known.domain}/inbox",
            "software": "lemmy" if number else "piefed",
            "version": known.version,
            "created_at": self.ago(days=365),
            "last_seen": self.ago(hours=pick("seen", number, 2000)),
        }

    def home(self, number: int) -> int:
        """The number of a user's instance: every third is local, the others live where the list says people are."""
        return 0 if number % 3 == 0 else pick("home", number, pick("crowd", number, len(self.instances)) + 1)

    def user(self, instances: Sequence[int], number: int) -> DemoRow:
        """Every twentieth has left, half of these on record; some are banned, some are bots."""
        home = self.home(number)
        address = f"https://{self.instances[home].domain}/u/demo{number}"
        return {
            "user_name": f"demo{number}",
            "instance_id": instances[home],
            "deleted": number % 20 == 7,
            "ap_deleted_at": self.ago(days=10) if number % 40 == 7 else None,
            "banned": number % 23 == 5,
            "bot": number % 17 == 3,
            "verified": True,
            "ap_id": address if home else None,
            "ap_profile_id": address,
            "ap_domain": self.instances[home].domain,
            "created": self.ago(days=365),
            "last_seen": self.ago(days=pick("last seen", number, 300)),
        }

    def community(self, instances: Sequence[int], posts: int, number: int) -> DemoRow:
        """A community with its share of the posts."""
        home = number % len(self.instances)
        own = [post for post in range(number, posts, COMMUNITIES) if not self.is_deleted(post)]
        return {
            "name": f"demo{number}",
            "instance_id": instances[home],
            "ap_id": f"https://{self.instances[home].domain}/c/demo{number}",
            "post_count": len(own),
            "post_reply_count": sum(self.live_replies(post) for post in own),
            "last_active": self.now,
        }

    def is_deleted(self, number: int) -> bool:
        """Every fifth post is deleted."""
        return number % 5 == 2

    def file(self, number: int) -> DemoRow:
        """The picture of every tenth post."""
        return {"file_path": f"media/demo/{number}.webp", "thumbnail_path": f"media/demo/{number}_thumb.webp"}

    def post(self, number: int, people: People, image_id: int | None) -> DemoRow:
        """Of the deleted ones some went long ago, some lately, and of some nobody knows when."""
        author = pick("author", number, len(people.users))
        deleted = self.is_deleted(number)
        posted_at = self.ago(hours=pick("age", number, 9_600) if not deleted else 24 * 150 + number % 500)
        return {
            "user_id": None if number % 50 == 9 else people.users[author],
            "community_id": people.communities[number % COMMUNITIES],
            "instance_id": people.instances[self.home(author)],
            "image_id": image_id,
            "title": f"Demonstration post {number}",
            "body": "A post that is here to be looked after.",
            "deleted": deleted,
            "deleted_at": (self.ago(days=120), self.ago(days=10), None)[number // 5 % 3] if deleted else None,
            "reply_count": self.live_replies(number),
            "created_at": posted_at,
            "posted_at": posted_at,
            "last_active": posted_at,
            "ap_id": f"https://{self.instances[self.home(author)].domain}/post/demo{number}",
        }

    def replies_to(self, post: int) -> range:
        """The places of a post's replies: none to five."""
        return range(post % (REPLIES_MAX + 1))

    def is_reply_deleted(self, post: int, place: int) -> bool:
        """Most replies of deleted posts are deleted too, so that some of these posts may go."""
        return (post + place) % 9 == 4 or (self.is_deleted(post) and post % 4 != 0)

    def live_replies(self, post: int) -> int:
        """How many of a post's replies are not deleted."""
        return sum(not self.is_reply_deleted(post, place) for place in self.replies_to(post))

    def reply(self, post: int, place: int, post_id: int, parent_id: int | None, people: People) -> DemoRow:
        """The reply in a post's thread at this place."""
        number = post * REPLIES_MAX + place
        author = pick("replier", number, len(people.users))
        deleted = self.is_reply_deleted(post, place)
        below = [other for other in self.replies_to(post) if place in ancestors(other)]
        posted_at = self.ago(hours=24 * 130 + number % 400 if deleted else pick("reply age", number, 9_600))
        return {
            "user_id": people.users[author],
            "post_id": post_id,
            "community_id": people.communities[post % COMMUNITIES],
            "instance_id": people.instances[self.home(author)],
            "parent_id": parent_id,
            "depth": len(ancestors(place)),
            "child_count": sum(not self.is_reply_deleted(post, other) for other in below),
            "body": "An answer.",
            "deleted": deleted,
            "deleted_at": self.ago(days=100 + place) if deleted and number % 31 else None,
            "created_at": posted_at,
            "posted_at": posted_at,
            "ap_id": f"https://{self.instances[self.home(author)].domain}/comment/demo{number}",
        }

    def activity(self, of: int, number: int) -> DemoRow:
        """An entry of the log: the captured activities in turn, evenly spread over two months."""
        captured = self.activities[number % len(self.activities)]
        failed = number % 11 == 5
        return {
            "direction": "in" if number % 3 else "out",
            "activity_id": f"{captured.activity_id[:220]}#demo{number}",
            "activity_type": captured.activity_type,
            "activity_json": captured.json,
            "result": "failure" if failed else ("ignored" if number % 13 == 7 else "success"),
            "exception_message": f"{captured.platform}: the sender could not be verified" if failed else None,
            "created_at": None if number % 997 == 500 else self.ago(days=LOG_DAYS * (1 - number / of)),
        }

    def mark(self, entity: DemoEntity, posts: Sequence[int], users: Sequence[int], number: int) -> DemoRow:
        """A bookmark or report of every seventh post, a vote on every third; every fourth report is settled."""
        user_id = users[pick(entity, number, len(users))]
        first, every = MARKED[entity]
        post_id = posts[first + number * every]
        if entity == "report":
            return {"reporter_id": user_id, "suspect_post_id": post_id, "reasons": "demo", "status": (number + 3) % 4}
        return {"user_id": user_id, "post_id": post_id, "created_at": self.ago(days=30)}


def ancestors(place: int) -> tuple[int, ...]:
    """The places above this one in its thread, nearest first."""
    parent = PARENTS[place]
    return () if parent is None else (parent, *ancestors(parent))
