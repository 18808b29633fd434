"""Which handlers are asked for and announced by nobody, counted where the tasks are."""

from typing import Any

from sqlalchemy import Column, Select, Text, bindparam, func, or_, select, text

from adapters.sql.store.dialect import Dialect
from adapters.sql.store.open_work import TASKS_WITH_DEFINITIONS
from adapters.sql.store.tables import Whole, definitions, tasks
from domain.scheduling.task import Delivery

_TYPE, _NAME = Column("announced_type", Text), Column("announced_name", Text)


def selecting_unserved(dialect: Dialect) -> Select[Any]:
    """The rows of `AskedHandler`s; bind `announced`, packed pairs of type and name, and `limit`."""
    announced = dialect.given((_TYPE, _NAME), "announced")
    # The rule of `Definition.handler_name`.
    handler = func.coalesce(func.nullif(definitions.c.handler, ""), tasks.c.name)
    is_served = select(announced.c.announced_type).where(
        announced.c.announced_type == tasks.c.task_type,
        or_(announced.c.announced_name.is_(None), announced.c.announced_name == handler),
    )
    count = func.count()
    return (
        select(tasks.c.task_type, handler.label("handler_name"), count.label("tasks"))
        .select_from(TASKS_WITH_DEFINITIONS)
        .where(text("tasks.deleted_at IS NULL"), definitions.c.delivery == str(Delivery.MANAGED), ~is_served.exists())
        .group_by(tasks.c.task_type, handler)
        .order_by(count.desc(), tasks.c.task_type, handler)
        .limit(bindparam("limit", type_=Whole))
    )
