"""The main job on real rows: each maintenance task, run by the service on a filled content database."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.sql.content.sqlite import open_sqlite_content
from application.fediverse.services.load_demo import load_demo
from tests.support.repository import shared_data
from tests.support.service import Service, running

ROWS = 2_000
LOG, STATS = "activity_pub_log", "scheduler_instance_stats"


def count(content: Path, table: str, where: str = "1") -> int:
    """How many rows there are, asked past everything that is ours."""
    with sqlite3.connect(content) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0])


async def ran(service: Service, name: str) -> dict[str, Any]:
    """The result of one run of a default task."""
    tasks = (await service.call("GET", "/scheduled-tasks"))["tasks"]
    task_id = next(task["id"] for task in tasks if task["name"] == name)
    ended = await service.finished(await service.run_now(task_id), within=60)
    assert ended["state"] == "succeeded", ended
    assert ended["result"]["status"] == "completed"
    return dict(ended["result"]["rows"])


@pytest.mark.parametrize("source", ["captured", "invented"])
async def test_every_maintenance_task_tells_its_true_row_counts_and_changes_nothing_twice(
    tmp_path: Path, source: str
) -> None:
    content = tmp_path / "content.db"
    data = shared_data() if source == "captured" else None
    async with open_sqlite_content(content) as ports:
        await load_demo(ports, data, ROWS, datetime.now(UTC))  # noqa: TID251 - the service lives in the present, too
    deleted_posts, live_replies = "deleted", "NOT deleted"
    before = {
        "log": count(content, LOG),
        "posts": count(content, "post"),
        "live": count(content, "post_reply", live_replies),
        "deleted": count(content, "post", deleted_posts),
    }

    async with running(tmp_path) as service:
        cleaned = await ran(service, "cleanup_old_activities")
        assert cleaned["activity_pub_log.deleted"] == before["log"] - count(content, LOG) > 0
        counted = await ran(service, "update_instance_stats")
        assert counted["instances.changed"] == count(content, STATS) == count(content, "instance")
        orphaned = await ran(service, "cleanup_orphaned_data")
        assert orphaned["posts.soft_deleted"] == count(content, "post", deleted_posts) - before["deleted"] > 0
        assert orphaned["replies.soft_deleted"] == before["live"] - count(content, "post_reply", live_replies) > 0
        purged = await ran(service, "purge_deleted_content")
        assert purged["posts.purged"] == before["posts"] - count(content, "post") > 0

        again = {
            "cleanup_old_activities": ("activity_pub_log.deleted",),
            "cleanup_orphaned_data": ("user.observed", "posts.soft_deleted", "replies.soft_deleted"),
            "purge_deleted_content": ("posts.purged", "replies.purged", "posts.overwritten"),
        }
        for name, changes in again.items():
            rows = await ran(service, name)
            assert {change: rows[change] for change in changes} == dict.fromkeys(changes, 0), name
        # The first count came before content was deleted; the second takes note, the third finds nothing.
        await ran(service, "update_instance_stats")
        assert (await ran(service, "update_instance_stats"))["instances.changed"] == 0
