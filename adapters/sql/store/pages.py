"""Conditions and orders by which lists are cut into pages; the cursors between them are those of every store."""

from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, false, or_

from adapters.records.cursors import Place, bad_cursor


def behind(place: Place, key: ColumnElement[Any], id_: Column[str], *, descending: bool) -> ColumnElement[bool]:
    """True for rows that come after `place` when sorted by `ordered`."""
    value, last_id = place
    later_id = id_ < last_id if descending else id_ > last_id
    if value is None:
        return and_(key.is_(None), later_id)
    if isinstance(value, str) != (key.type.python_type is str):
        raise bad_cursor()
    later = key < value if descending else key > value
    nulls = key.is_(None) if _may_be_null(key) else false()
    return or_(later, and_(key == value, later_id), nulls)


def ordered(found: Select[Any], key: ColumnElement[Any], id_: Column[str], *, descending: bool) -> Select[Any]:
    """Sorted by the key and then the id, both in the same direction; rows without a key come last either way."""
    by = (key.desc(), id_.desc()) if descending else (key.asc(), id_.asc())
    return found.order_by(key.is_(None), *by) if _may_be_null(key) else found.order_by(*by)


def _may_be_null(key: ColumnElement[Any]) -> bool:
    """What is computed for a key is computed from columns that always have a value."""
    return isinstance(key, Column) and bool(key.nullable)
