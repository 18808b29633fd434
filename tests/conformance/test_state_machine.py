"""Random lives of tasks, led in the reference and in each other store."""

from hypothesis import settings

from tests.conformance.lives import LivesOfTasks


class LivesInSqlite(LivesOfTasks):
    backend = "sqlite"


class LivesInRedis(LivesOfTasks):
    backend = "redis"


class LivesInPostgres(LivesOfTasks):
    backend = "postgres"


TestSqlite = LivesInSqlite.TestCase
TestRedis = LivesInRedis.TestCase
TestPostgres = LivesInPostgres.TestCase
TestSqlite.settings = TestRedis.settings = TestPostgres.settings = settings(
    max_examples=max(20, settings().max_examples // 3), stateful_step_count=40
)
