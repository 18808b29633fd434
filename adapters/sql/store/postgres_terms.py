"""`Terms` on a server: three columns of the row that says where the store lives, compared and set."""

from dataclasses import dataclass

from sqlalchemy import select, update

from adapters.sql.engine import Database
from adapters.sql.store.server_tables import server
from application.scheduling.ports.term import Term
from domain.scheduling.identifiers import NodeId

_OFFICE = (server.c.holder, server.c.term, server.c.beat)


@dataclass(frozen=True, slots=True)
class PostgresTerms:
    """`Terms` in one PostgreSQL database."""

    database: Database

    async def seen(self) -> Term:
        """See the port."""
        async with self.database.reading("term") as connection:
            holder, number, beat = (await connection.execute(select(*_OFFICE))).one()
        return Term(None if holder is None else NodeId(holder), number, beat)

    async def replace(self, seen: Term, by: Term) -> bool:
        """See the port."""
        same = (server.c.holder.is_not_distinct_from(seen.holder), server.c.term == seen.number)
        put = update(server).where(*same, server.c.beat == seen.beat)
        put = put.values(holder=by.holder, term=by.number, beat=by.beat)
        async with self.database.writing("term") as connection:
            return (await connection.execute(put)).rowcount == 1
