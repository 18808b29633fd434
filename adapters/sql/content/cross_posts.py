"""Posts that show the same link name each other, by id and without a foreign key.

Each of them names all the others; so those that name a post are found by what it names, where a search for arrays that
hold its id would read every post there is.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.host import CROSS_POSTS

_IDS = ARRAY(sa.Integer)
_POST = sa.table("post", sa.column("id", sa.Integer), sa.column(CROSS_POSTS, _IDS))
_NAMED = _POST.c[CROSS_POSTS]


async def leave_cross_posts(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Take these posts, which are about to go, out of what others say of them."""
    gone = set(ids)
    lists = await connection.scalars(sa.select(_NAMED).where(_POST.c.id.in_(ids), _NAMED.is_not(None)))
    others = {other for named in lists for other in named} - gone
    if not others:
        return
    here = sa.and_(
        _POST.c.id == sa.any_(sa.literal(sorted(others), _IDS)), _NAMED.overlap(sa.literal(sorted(gone), _IDS))
    )
    rows = (await connection.execute(sa.select(_POST).where(here).order_by(_POST.c.id).with_for_update())).all()
    left = [{"which": row.id, "left": [other for other in row.cross_posts if other not in gone]} for row in rows]
    if left:
        which, new = sa.bindparam("which", type_=sa.Integer), sa.bindparam("left", type_=_IDS)
        await connection.execute(sa.update(_POST).where(_POST.c.id == which).values({CROSS_POSTS: new}), left)
