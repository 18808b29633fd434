"""`InstanceStats` in the content database: one grouped query per source, and writes only where a figure moved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.host import SHOWN, Host
from adapters.sql.content.steps import concluded, content_errors, inserted, next_ids, step, stretch_of
from adapters.sql.content.tables import community, instance, instance_stats, post, post_reply, user
from adapters.sql.engine import Database
from application.fediverse.ports.checkpoints import Batch, Checkpoint
from application.fediverse.ports.errors import ContentRefusedError
from application.fediverse.ports.instance_stats import Counting, Facts, Recording, Source


@dataclass(frozen=True, slots=True)
class SqlInstanceStats:
    """See the port."""

    database: Database
    host: Host

    async def count(self, source: Source, counting: Counting) -> Mapping[int, Facts]:
        """See the port. A snapshot of its own per source: figures of one run may differ by what came in between."""
        doing = f"count {source}"
        async with self.database.reading(doing) as connection:
            with content_errors(doing):
                rows = await connection.execute(_QUERIES[source](counting, self.host))
            return {row["instance_id"]: {k: v for k, v in row.items() if k != "instance_id"} for row in rows.mappings()}

    async def record(self, recording: Recording, at: Checkpoint, limit: int) -> Batch:
        """See the port."""
        shown = self._shown(recording)
        async with step(self.database, at) as connection:
            stretch = await stretch_of(connection, at, instance.c.id)
            ids = await next_ids(connection, at, stretch, instance.c.id, limit=limit)
            wanted = [id_ for id_ in ids if recording.instance_ids is None or id_ in recording.instance_ids]
            before = await _recorded(connection, wanted, recording.silence)
            now = {id_: recording.facts.get(id_, recording.silence) for id_ in wanted}
            moved = {id_: facts for id_, facts in now.items() if before.get(id_) != facts}
            if moved and not at.is_rehearsal:
                await connection.execute(_upsert(connection, recording), _written(moved, at))
                await _show(connection, moved, shown)
            emptied = [id_ for id_ in moved if _says_something(before.get(id_)) and not _says_something(now[id_])]
            counts = {"total": len(wanted), "changed": len(moved), "zeroed": len(emptied)}
            batch = Batch(
                stretch=stretch,
                after_id=ids[-1] if ids else at.after_id,
                rows={f"instances.{name}": count for name, count in counts.items()},
                changed=len(moved),
                is_last=len(ids) < limit,
            )
            return await concluded(connection, at, batch)

    def _shown(self, recording: Recording) -> frozenset[str]:
        if recording.write_back == "never":
            return frozenset()
        if recording.write_back == "require" and (missing := set(SHOWN) - self.host.shown):
            raise ContentRefusedError("schema_mismatch", f"instance has no column {', '.join(sorted(missing))}")
        return self.host.shown & recording.silence.keys()


async def _recorded(connection: AsyncConnection, ids: list[int], names: Facts) -> Mapping[int, Facts]:
    columns = [instance_stats.c[name] for name in sorted(names)]
    query = sa.select(instance_stats.c.instance_id, *columns).where(instance_stats.c.instance_id.in_(ids))
    rows = (await connection.execute(query)).mappings()
    return {row["instance_id"]: {name: row[name] for name in names} for row in rows}


def _upsert(connection: AsyncConnection, recording: Recording) -> sa.Insert:
    statement = inserted(connection, instance_stats)
    names = [*recording.silence, "generation", "computed_at"]
    # A run that was taken for dead must not write over a later one's figures.
    newer = statement.excluded.generation >= instance_stats.c.generation
    return statement.on_conflict_do_update(
        index_elements=["instance_id"], set_={name: statement.excluded[name] for name in names}, where=newer
    )


def _written(moved: Mapping[int, Facts], at: Checkpoint) -> list[dict[str, Any]]:
    stamp = {"generation": at.fence, "computed_at": at.saved_at}
    return [{"instance_id": id_, **facts, **stamp} for id_, facts in moved.items()]


async def _show(connection: AsyncConnection, moved: Mapping[int, Facts], names: frozenset[str]) -> None:
    if not names:
        return
    table = sa.table("instance", sa.column("id", sa.Integer), *(sa.column(name, sa.Integer) for name in names))
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in names}
    rows: list[dict[str, Any]] = [
        {"which": id_, **{f"new_{name}": facts[name] for name in names}} for id_, facts in moved.items()
    ]
    await connection.execute(sa.update(table).where(table.c.id == sa.bindparam("which")).values(values), rows)


def _says_something(facts: Facts | None) -> bool:
    return facts is not None and any(facts.values())


def _grouped(table: sa.Table, facts: Mapping[str, sa.ColumnElement[Any]], *which: sa.ColumnElement[bool]) -> Any:
    columns = [expression.label(name) for name, expression in facts.items()]
    return (
        sa.select(table.c.instance_id, *columns)
        .where(table.c.instance_id.is_not(None), *which)
        .group_by(table.c.instance_id)
    )


def _users(counting: Counting, _host: Host) -> Any:
    which = [user.c.deleted == sa.false()]
    if counting.exclude_bots:
        which.append(user.c.bot.is_not(sa.true()))
    if counting.exclude_banned:
        which.append(user.c.banned.is_not(sa.true()))
    facts = {
        "user_count": sa.func.count(),
        "active_users_month": sa.func.count(sa.case((user.c.last_seen >= counting.month_since, 1))),
        "active_users_half_year": sa.func.count(sa.case((user.c.last_seen >= counting.half_year_since, 1))),
    }
    return _grouped(user, facts, *which)


def _posts(_counting: Counting, host: Host) -> Any:
    facts = {"post_count": sa.func.count(), "last_post_at": sa.func.max(post.c.posted_at)}
    return _grouped(post, facts, post.c.deleted == sa.false(), post.c.status >= host.published_status_min)


def _replies(_counting: Counting, _host: Host) -> Any:
    return _grouped(post_reply, {"comment_count": sa.func.count()}, post_reply.c.deleted == sa.false())


def _communities(_counting: Counting, _host: Host) -> Any:
    return _grouped(community, {"community_count": sa.func.count()})


_QUERIES: Mapping[Source, Callable[[Counting, Host], Any]] = {
    "users": _users,
    "posts": _posts,
    "replies": _replies,
    "communities": _communities,
}
