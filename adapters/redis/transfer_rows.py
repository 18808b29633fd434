"""Between the rows by which stores are moved and what this one keeps: how the scripts are told and answer each kind."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from adapters.records.executions import EXECUTION_FIELDS
from adapters.records.packing import UNREADABLE
from adapters.records.transfer import ROW_FIELDS
from adapters.redis.codec import NO_PAYLOAD, pack, unpack, version_key
from application.scheduling.ports.transfer import Key, Kind, Row

Names = Sequence[Any]
_WIDTH: Final = len(EXECUTION_FIELDS)
_IDEMPOTENCY_KEY: Final = ROW_FIELDS[Kind.CHANGES].index("idempotency_key")


def _cut(name: str) -> tuple[str, str]:
    """What stands before the last stroke of a name, and behind it."""
    before, _, behind = name.rpartition("/")
    return before, behind


def _task(_: str, readings: Iterator[bytes]) -> Row:
    return unpack(next(readings))[:-1]


def _version(name: Sequence[Any], readings: Iterator[bytes]) -> Row:
    member, superseded_at = name
    task_id, version = _cut(member)
    definition, payload = next(readings), next(readings)
    payload_json = payload.decode() if payload else NO_PAYLOAD
    return [task_id, int(version), *unpack(definition), payload_json, None if superseded_at is False else superseded_at]


def _execution(_: str, readings: Iterator[bytes]) -> Row:
    record, progress, volume = next(readings), next(readings), next(readings)
    *row, task_type, _message = unpack(record)
    lines, size = unpack(volume) if volume else (0, 0)
    return [*row, task_type, progress.decode() if progress else None, lines, size]


def _attempt(name: str, readings: Iterator[bytes]) -> Row:
    return [_cut(name)[0], *unpack(next(readings))]


def _log_line(name: str, readings: Iterator[bytes]) -> Row:
    execution_id, number = _cut(name)
    return [execution_id, int(number), *unpack(next(readings))]


def _skip(name: str, readings: Iterator[bytes]) -> Row:
    task_id, first = _cut(name)
    reason, _, *others = unpack(next(readings))
    return [task_id, int(first, 16), reason, *others]


def _numbered(name: str, readings: Iterator[bytes]) -> Row:
    return [int(name), *unpack(next(readings))]


def _named(name: str, readings: Iterator[bytes]) -> Row:
    return [name, *unpack(next(readings))]


def _whole(_: str, readings: Iterator[bytes]) -> Row:
    return unpack(next(readings))


def _forgotten(name: str, readings: Iterator[bytes]) -> Row:
    return [name, int(next(readings))]


_READ: Final[Mapping[Kind, Callable[[Any, Iterator[bytes]], Row]]] = {
    Kind.TASKS: _task,
    Kind.VERSIONS: _version,
    Kind.EXECUTIONS: _execution,
    Kind.ATTEMPTS: _attempt,
    Kind.LOG_LINES: _log_line,
    Kind.SKIPS: _skip,
    Kind.CHANGES: _numbered,
    Kind.FORGOTTEN: _forgotten,
    Kind.USERS: _whole,
    Kind.TOKENS: _named,
    Kind.ACCESS_RECORDS: _whole,
    Kind.HOLDS: _numbered,
}
_READINGS: Final = {**dict.fromkeys(Kind, 1), Kind.VERSIONS: 2, Kind.EXECUTIONS: 3}


def rows_of(kind: Kind, names: Names, readings: Sequence[bytes]) -> tuple[list[Row], int]:
    """The rows of a page, ascending, and how many records none could be made of."""
    if kind is Kind.HOURS:
        return [list(row) for row in sorted(_hours(names))], 0
    count, unreadable, found = _READINGS[kind], 0, list[Row]()
    for place, name in enumerate(names):
        try:
            row = _READ[kind](name, iter(readings[count * place : count * (place + 1)]))
            if not _is_sound(kind, row):
                raise ValueError("no row of this kind")
            found.append(row)
        except UNREADABLE:
            unreadable += 1
    # Hashes have no order; all others come in theirs.
    return (sorted(found, key=lambda row: str(row[0])) if kind in (Kind.USERS, Kind.TOKENS) else found), unreadable


def _is_sound(kind: Kind, row: Row) -> bool:
    return len(row) == len(ROW_FIELDS[kind]) and all(each is None or type(each) in (str, int) for each in row)


def _hours(names: Names) -> Iterator[tuple[Any, ...]]:
    for hour, counts in names:
        for name, count in zip(counts[0::2], counts[1::2], strict=True):
            task_type, state, step = name.rsplit("/", 2)
            yield int(hour), task_type, state, int(step), int(count)


def place_of(kind: Kind, key: Key) -> str:
    """Behind which place the page goes on that follows this key."""
    match kind:
        case Kind.VERSIONS:
            return f"{key[0]}/{key[1]:010d}"
        case Kind.SKIPS:
            return f"{key[0]}/{key[1]:014x}"
        case _:
            return str(key[0])


def key_of(kind: Kind, place: str) -> Key:
    """The key that stands for a place, behind all that is stored together there."""
    match kind:
        case Kind.VERSIONS:
            task_id, version = _cut(place)
            return task_id, int(version)
        case Kind.SKIPS:
            task_id, first = _cut(place)
            return task_id, int(first, 16)
        case Kind.CHANGES | Kind.HOURS | Kind.ACCESS_RECORDS | Kind.HOLDS:
            return (int(place),)
        case _:
            return (place,)


def _put_version(row: Row) -> list[Any]:
    *definition, payload, superseded_at = row[2:]
    return [
        *_version_names(row),
        pack(definition),
        False if payload == NO_PAYLOAD else payload,
        _or_false(superseded_at),
    ]


def _put_execution(row: Row) -> list[Any]:
    progress, lines, size = row[_WIDTH + 1 :]
    volume = pack([lines, size]) if lines or size else False
    return [row[0], pack([*row[: _WIDTH + 1], None]), _or_false(progress), volume]


def _put_skip(row: Row) -> list[Any]:
    task_id, first_at, reason, last_at, *others = row
    return [task_id, place_of(Kind.SKIPS, _pair(row)), pack([reason, first_at, last_at, *others]), last_at]


_PUT: Final[Mapping[Kind, Callable[[Row], list[Any]]]] = {
    Kind.TASKS: lambda row: [row[0], pack([*row, []])],
    Kind.VERSIONS: _put_version,
    Kind.EXECUTIONS: _put_execution,
    Kind.ATTEMPTS: lambda row: [row[0], f"{row[0]}/{row[1]}", pack(row[1:])],
    Kind.LOG_LINES: lambda row: [row[0], row[1], pack(row[2:])],
    Kind.SKIPS: _put_skip,
    Kind.CHANGES: lambda row: [f"{row[0]:012d}", pack(row[1:]), row[1], _or_false(row[_IDEMPOTENCY_KEY])],
    Kind.HOURS: lambda row: [str(row[0]), "/".join(map(str, row[1:4])), row[4]],
    Kind.FORGOTTEN: list,
    Kind.USERS: lambda row: [row[0], pack(row)],
    Kind.TOKENS: lambda row: [row[0], pack(row[1:])],
    Kind.ACCESS_RECORDS: lambda row: [str(row[0]), pack(row)],
    Kind.HOLDS: lambda row: [pack(row[1:])],
}


def put_of(kind: Kind, row: Row) -> list[Any]:
    """What is kept of a row, as the script takes it."""
    return _PUT[kind](row)


def removal_of(kind: Kind, key: Key) -> list[Any]:
    """What is to be removed, as the script takes it."""
    match kind:
        case Kind.VERSIONS:
            return _version_names(key)
        case Kind.ATTEMPTS:
            return [key[0], f"{key[0]}/{key[1]}"]
        case Kind.SKIPS:
            return [key[0], place_of(kind, key)]
        case Kind.CHANGES:
            return [f"{key[0]:012d}"]
        case Kind.HOURS:
            return [str(key[0]), "/".join(map(str, key[1:]))]
        case Kind.ACCESS_RECORDS:
            return [str(key[0])]
        case _:
            return list(key)


def _version_names(row: Row) -> list[str]:
    task_id, version = _pair(row)
    return [version_key(task_id, version), place_of(Kind.VERSIONS, (task_id, version))]


def _pair(row: Row) -> tuple[str, int]:
    """The key of a row of which the second value is a number."""
    return str(row[0]), int(row[1] or 0)


def _or_false(value: object) -> object:
    return False if value is None else value
