"""Cutting lists into pages: a cursor names the last row seen, so that rows that come and go move no other's page."""

import base64
import json
from binascii import Error as EncodingError
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, false, or_

from domain.errors import DomainError

Place = tuple[str | int | None, str]


def encode_cursor(list_name: str, place: Place) -> str:
    """The opaque name of a place in a list; `list_name` tells lists and their orders apart."""
    return base64.urlsafe_b64encode(json.dumps([list_name, *place]).encode()).decode()


def decode_cursor(list_name: str, cursor: str) -> Place:
    """The place; raises DomainError (`bad_cursor`) for what `encode_cursor` did not make for this list."""
    try:
        decoded = json.loads(base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, EncodingError, RecursionError) as error:
        raise _bad_cursor() from error
    match decoded:
        case [str(name), str() | int() | None as value, str(id_)] if name == list_name and not isinstance(value, bool):
            return value, id_
        case _:
            raise _bad_cursor()


def behind(place: Place, key: ColumnElement[Any], id_: Column[str], *, descending: bool) -> ColumnElement[bool]:
    """True for rows that come after `place` when sorted by `ordered`."""
    value, last_id = place
    later_id = id_ < last_id if descending else id_ > last_id
    if value is None:
        return and_(key.is_(None), later_id)
    if isinstance(value, str) != (key.type.python_type is str):
        raise _bad_cursor()
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


def _bad_cursor() -> DomainError:
    return DomainError(
        "the cursor is none of this list", code="bad_cursor", pointer="/cursor", hint="begin again without a cursor"
    )
