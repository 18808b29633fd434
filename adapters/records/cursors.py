"""Cursors of lists: each names the last row that was seen, so that rows that come and go move no other's page."""

import base64
import json
from binascii import Error as EncodingError

from domain.errors import DomainError

Place = tuple[str | int | None, str]
"""By what a row is sorted, and its id, which breaks ties."""


def encode_cursor(list_name: str, place: Place) -> str:
    """The opaque name of a place in a list; `list_name` tells lists and their orders apart."""
    return base64.urlsafe_b64encode(json.dumps([list_name, *place]).encode()).decode()


def decode_cursor(list_name: str, cursor: str) -> Place:
    """The place; raises DomainError (`bad_cursor`) for what `encode_cursor` did not make for this list."""
    try:
        decoded = json.loads(base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True))
        # What no store can be asked for: halves of characters.
        json.dumps(decoded, ensure_ascii=False).encode()
    except (ValueError, EncodingError, RecursionError) as error:
        raise bad_cursor() from error
    match decoded:
        case [str(name), str() | int() | None as value, str(id_)] if name == list_name and not isinstance(value, bool):
            return value, id_
        case _:
            raise bad_cursor()


def bad_cursor() -> DomainError:
    """What a cursor is answered with that is none of the list it was given to."""
    return DomainError(
        "the cursor is none of this list", code="bad_cursor", pointer="/cursor", hint="begin again without a cursor"
    )
