"""Which texts databases can hold: any but those with NUL or with halves of surrogate pairs."""

import json
from collections.abc import Sequence

from adapters.records.packing import Row

REPLACEMENT = "\ufffd"


def storable(text: str) -> str:
    """The text, or what is stored in its place: U+FFFD for each sign that cannot be."""
    if text.isascii() and "\0" not in text:
        return text
    if _is_encodable(text):
        return text.replace("\0", REPLACEMENT)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", REPLACEMENT)


def pack_rows(rows: Sequence[Row]) -> str:
    """Rows as one JSON text that databases can take apart again."""
    packed = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    if "\\u0000" not in packed and _is_encodable(packed):
        return packed
    return json.dumps([[storable(each) if isinstance(each, str) else each for each in row] for row in rows])


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
