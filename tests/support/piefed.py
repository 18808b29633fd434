"""The tables of a PieFed as far as maintenance meets them, and content for them in every state that matters.

Written from what is known of its columns, keys and missing indexes; everything else is left out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from adapters.sql.content.layout import OWNED_SCHEMA
from application.fediverse.ports.content import ContentPorts
from tests.support.content import DAY, PassingClock, perform
from tests.support.content_bases import ContentOnServer
from tests.support.postgres_servers import PostgresServer

LOG, STATS, ORPHANS, PURGE = (
    "cleanup_old_activities",
    "update_instance_stats",
    "cleanup_orphaned_data",
    "purge_deleted_content",
)
PATH = f"public, {OWNED_SCHEMA}"
NUMBERS = count(1)
REFERENCES = """
    CREATE TABLE {name} (id serial PRIMARY KEY, user_id int REFERENCES "user" (id),
                         {column} int REFERENCES {target} (id){cascade});
    {index}"""

DDL = """
    CREATE TABLE file (id serial PRIMARY KEY, file_path varchar(255), thumbnail_path varchar(255));
    CREATE TABLE domain (id serial PRIMARY KEY, name varchar(255));
    CREATE TABLE instance (
        id serial PRIMARY KEY, domain varchar(256) UNIQUE, inbox varchar(256), shared_inbox varchar(256),
        software varchar(50), version varchar(50), created_at timestamp, updated_at timestamp,
        last_seen timestamp, last_successful_send timestamp,
        failures int, dormant boolean, gone_forever boolean, nodeinfo_href varchar(100));
    CREATE TABLE "user" (
        id serial PRIMARY KEY, user_name varchar(255), instance_id int REFERENCES instance (id),
        deleted boolean DEFAULT false, deleted_by int, banned boolean DEFAULT false, bot boolean DEFAULT false,
        verified boolean DEFAULT false, ap_id varchar(255), ap_profile_id varchar(255), ap_deleted_at timestamp,
        created timestamp, last_seen timestamp, post_count int DEFAULT 0, post_reply_count int DEFAULT 0,
        private_key text, public_key text, avatar_id int REFERENCES file (id), cover_id int REFERENCES file (id));
    CREATE INDEX ON "user" (instance_id);
    CREATE TABLE community (
        id serial PRIMARY KEY, name varchar(256), instance_id int REFERENCES instance (id), post_count int DEFAULT 0,
        post_reply_count int DEFAULT 0, last_active timestamp, banned boolean DEFAULT false, private_key text);
    CREATE TABLE post (
        id serial PRIMARY KEY, user_id int REFERENCES "user" (id), community_id int REFERENCES community (id),
        instance_id int REFERENCES instance (id), image_id int REFERENCES file (id),
        domain_id int REFERENCES domain (id), title varchar(255), body text, body_html text,
        url varchar(2048), status int DEFAULT 1,
        deleted boolean DEFAULT false, deleted_by int, reply_count int DEFAULT 0, sticky boolean DEFAULT false,
        created_at timestamp, posted_at timestamp, edited_at timestamp, last_active timestamp, cross_posts int[],
        ap_id varchar(255) UNIQUE);
    CREATE TABLE post_reply (
        id serial PRIMARY KEY, user_id int REFERENCES "user" (id), post_id int REFERENCES post (id),
        community_id int REFERENCES community (id), instance_id int REFERENCES instance (id),
        image_id int REFERENCES file (id), parent_id int, root_id int, path int[], depth int DEFAULT 0,
        child_count int DEFAULT 0, body text, body_html text, deleted boolean DEFAULT false, deleted_by int,
        created_at timestamp, posted_at timestamp, ap_id varchar(255) UNIQUE);
    CREATE INDEX ON post (user_id); CREATE INDEX ON post (instance_id); CREATE INDEX ON post (deleted);
    CREATE INDEX ON post (image_id);
    CREATE INDEX ON post_reply (user_id); CREATE INDEX ON post_reply (post_id); CREATE INDEX ON post_reply (parent_id);
    CREATE INDEX ON post_reply (instance_id); CREATE INDEX ON post_reply (image_id);
    CREATE TABLE activity_pub_log (
        id serial PRIMARY KEY, direction varchar(3), activity_id varchar(256), activity_type varchar(50),
        activity_json text, result varchar(10), exception_message text, created_at timestamp);
    CREATE INDEX ON activity_pub_log (activity_id);
    CREATE TABLE report (
        id serial PRIMARY KEY, reporter_id int REFERENCES "user" (id), suspect_post_id int REFERENCES post (id),
        suspect_post_reply_id int REFERENCES post_reply (id), status int DEFAULT 0);
    CREATE TABLE mod_log (
        id serial PRIMARY KEY, post_id int REFERENCES post (id), reply_id int REFERENCES post_reply (id), action text);
    CREATE INDEX ON mod_log (post_id); CREATE INDEX ON mod_log (reply_id);
    CREATE TABLE poll (post_id int PRIMARY KEY REFERENCES post (id), mode varchar(10));
    CREATE TABLE poll_choice (id serial PRIMARY KEY, post_id int REFERENCES post (id), choice_text text);
    CREATE TABLE poll_choice_vote (
        choice_id int REFERENCES poll_choice (id), user_id int REFERENCES "user" (id), post_id int REFERENCES post (id),
        PRIMARY KEY (choice_id, user_id));
    CREATE INDEX ON poll_choice (post_id); CREATE INDEX ON poll_choice_vote (post_id);
    CREATE TABLE event (post_id int PRIMARY KEY REFERENCES post (id), start timestamp);
    CREATE TABLE post_file (
        post_id int REFERENCES post (id), file_id int REFERENCES file (id), PRIMARY KEY (post_id, file_id));
    CREATE INDEX ON post_file (file_id);
    CREATE TABLE event_user (post_id int REFERENCES post (id), user_id int, PRIMARY KEY (post_id, user_id));
    CREATE TABLE post_tag (post_id int REFERENCES post (id), tag_id int, PRIMARY KEY (post_id, tag_id));
    CREATE TABLE post_flair (post_id int REFERENCES post (id), flair_id int, PRIMARY KEY (post_id, flair_id));
    CREATE TABLE read_posts (user_id int, read_post_id int REFERENCES post (id), interacted_at timestamp);
    CREATE TABLE hidden_posts (user_id int, hidden_post_id int REFERENCES post (id));
    CREATE TABLE reminder (id serial PRIMARY KEY, reminder_type int, reminder_destination int);
    CREATE TABLE archived_post_reply (id serial PRIMARY KEY, post_id int, body text);
    CREATE TABLE notification (id serial PRIMARY KEY, targets json);
    CREATE TABLE notification_subscription (id serial PRIMARY KEY, entity_id int, type int);
    CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
""" + "".join(
    REFERENCES.format(
        name=name,
        column=column,
        target=target,
        cascade=" ON DELETE CASCADE" if name.endswith("_vote") else "",
        index=f"CREATE INDEX ON {name} ({column});",
    )
    for name, column, target in (
        ("post_vote", "post_id", "post"),
        ("post_bookmark", "post_id", "post"),
        ("post_reply_vote", "post_reply_id", "post_reply"),
        ("post_reply_bookmark", "post_reply_id", "post_reply"),
    )
)

# What there is of everything, for n posts: people of whom some have left or are banned; posts of which every fifth is
# deleted, with up to three replies each in threads; everything that can hang on a post, in turn; and a log of 60 days.
# Remainders are of different primes, so that every combination comes up. NOON is 2024-01-15 12:00 UTC.
FILLING = """
    INSERT INTO instance (domain) SELECT 'i' || i FROM generate_series(1, 20) i;
    INSERT INTO "user" (user_name, instance_id, deleted, banned, bot, ap_id, last_seen)
        SELECT 'u' || i, 1 + i % 20, i % 7 = 3, i % 11 = 4, i % 13 = 5,
               CASE WHEN i % 4 > 0 THEN 'https://i/u/' || i END, timestamp '2024-01-15 12:00' - i * interval '5 hours'
        FROM generate_series(1, 100) i;
    INSERT INTO community (name, instance_id, post_count, post_reply_count)
        SELECT 'c' || i, i, {posts}, {posts} FROM generate_series(1, 10) i;
    INSERT INTO file (file_path, thumbnail_path)
        SELECT 'm/' || i || '.webp', CASE WHEN i % 2 = 0 THEN 'm/' || i || '_t.webp' END
        FROM generate_series(1, {posts} / 5 + 10) i;
    INSERT INTO post (user_id, community_id, instance_id, image_id, title, body, body_html, url, deleted, status,
                      reply_count, posted_at, created_at)
        SELECT 1 + i % 100, 1 + i % 10, 1 + i % 20, CASE WHEN i % 7 = 0 THEN 1 + i % ({posts} / 5) END,
               't' || i, 'b', '<p>b</p>', 'https://u/' || i, i % 5 = 2, CASE WHEN i % 17 = 0 THEN -1 ELSE 1 END, 3,
               timestamp '2023-01-01' + i * interval '1 hour', timestamp '2023-01-01' + i * interval '1 hour'
        FROM generate_series(1, {posts}) i;
    INSERT INTO post_reply (user_id, post_id, community_id, instance_id, parent_id, child_count, body, body_html,
                            deleted, posted_at)
        SELECT 1 + (i * 7) % 100, 1 + (i - 1) / 3, 1 + ((i - 1) / 3 + 1) % 10, 1 + i % 20,
               CASE WHEN i % 3 <> 1 THEN i - 1 END, 2 - (i - 1) % 3, 'b', '<p>b</p>',
               (1 + (i - 1) / 3) % 5 = 2 AND i % 19 > 1, timestamp '2023-02-01' + i * interval '1 hour'
        FROM generate_series(1, {posts} * 3 / 2) i;
    INSERT INTO post_vote (user_id, post_id) SELECT 1 + i % 100, i FROM generate_series(1, {posts}) i;
    INSERT INTO post_reply_vote (user_id, post_reply_id) SELECT 1, i FROM generate_series(1, {posts}) i;
    INSERT INTO post_bookmark (user_id, post_id) SELECT 1, i FROM generate_series(1, {posts}) i WHERE i % 23 = 0;
    INSERT INTO post_reply_bookmark (user_id, post_reply_id) SELECT 1, i FROM generate_series(1, {posts}) i
        WHERE i % 29 = 0;
    INSERT INTO report (reporter_id, suspect_post_id, status) SELECT 1, i, i % 4 FROM generate_series(1, {posts}) i
        WHERE i % 11 = 0;
    INSERT INTO report (reporter_id, suspect_post_reply_id, status) SELECT 1, i, i % 4
        FROM generate_series(1, {posts}) i WHERE i % 31 = 0;
    INSERT INTO mod_log (post_id, reply_id, action) SELECT i, i, 'a' FROM generate_series(1, {posts}) i WHERE i % 3 = 0;
    INSERT INTO poll (post_id, mode) SELECT i, 'single' FROM generate_series(1, {posts}) i WHERE i % 13 = 0;
    INSERT INTO poll_choice (post_id) SELECT post_id FROM poll;
    INSERT INTO poll_choice_vote (choice_id, user_id, post_id) SELECT id, 1, post_id FROM poll_choice;
    INSERT INTO event (post_id) SELECT i FROM generate_series(1, {posts}) i WHERE i % 6 = 0;
    INSERT INTO event_user (post_id, user_id) SELECT post_id, 1 FROM event;
    INSERT INTO post_tag (post_id, tag_id) SELECT i, 1 FROM generate_series(1, {posts}) i;
    INSERT INTO post_flair (post_id, flair_id) SELECT i, 1 FROM generate_series(1, {posts}) i WHERE i % 2 = 0;
    INSERT INTO post_file (post_id, file_id) SELECT i, {posts} / 5 + 1 + i % 10 FROM generate_series(1, {posts}) i
        WHERE i % 5 = 2 AND i % 9 = 0;
    INSERT INTO read_posts (user_id, read_post_id) SELECT 1, i FROM generate_series(1, {posts}) i;
    INSERT INTO hidden_posts (user_id, hidden_post_id) SELECT 1, i FROM generate_series(1, {posts}) i WHERE i % 8 = 0;
    INSERT INTO reminder (reminder_type, reminder_destination) SELECT 1 + i % 2, i FROM generate_series(1, {posts}) i;
    INSERT INTO notification_subscription (entity_id, type) SELECT i, i % 6 FROM generate_series(1, {posts}) i;
    UPDATE post SET cross_posts = ARRAY(
        SELECT o FROM generate_series((id - 1) / 4 * 4 + 1, (id - 1) / 4 * 4 + 4) o WHERE o <> id)
        WHERE (id - 1) / 4 % 3 = 0;
    INSERT INTO archived_post_reply (post_id) SELECT i FROM generate_series(1, {posts}) i WHERE i % 5 = 2;
    INSERT INTO activity_pub_log (direction, activity_id, activity_type, result, created_at)
        SELECT CASE WHEN i % 3 = 0 THEN 'out' ELSE 'in' END, 'a' || i, 'Like',
               CASE WHEN i % 7 = 0 THEN 'failure' ELSE 'success' END,
               timestamp '2024-01-15 12:00' - interval '60 days' + i * (interval '60 days' / {entries})
        FROM generate_series(1, {entries}) i;
    INSERT INTO activity_pub_log (direction, result) VALUES ('in', 'success');
"""


def filling(*, posts: int, entries: int) -> str:
    """The SQL that fills the tables."""
    return FILLING.format(posts=posts, entries=entries)


@contextmanager
def a_copy(server: PostgresServer, of: str) -> Iterator[ContentOnServer]:
    """A copy of a database that nobody uses at the moment."""
    url = server.database(f"piefed_{next(NUMBERS)}", template=of)
    base = ContentOnServer(server, url, PATH)
    try:
        yield base
    finally:
        base.close()


async def seen_for_long(content: ContentPorts, clock: PassingClock) -> None:
    """Let the purge see what is deleted, and its 90 days pass."""
    await perform(PURGE, {}, content, clock)
    clock.advance(91 * DAY)
