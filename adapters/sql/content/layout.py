"""What an operator says of the tables that hold the content, in a file: the block `schema` in TOML.

    [schema]
    profile = "custom"              # piefed: every table and column has the name that PieFed gives it
    published_status_min = 1        # posts of a lower status are not counted
    legal_hold = [12, 40]           # communities whose posts and replies are never removed or overwritten
    nullify = ["audit_log"]         # tables whose rows outlive the content and forget it
    delete = ["award"]              # tables whose rows go with it; one that refers to another stands before it
    owned_schema = "scheduler_content"

    [schema.map]
    post_reply = "comment"
    "activity_pub_log.created_at" = "timestamp"

Names come from here alone, never from a payload; they are looked for in the catalog, and quoted.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from adapters.sql.content.host import CROSS_POSTS, NULLIFIED, OWN_DATE, REMOVED, RENDERED, SHOWN, SOFT_REFERENCES, Host
from adapters.sql.content.names import PIEFED, Names
from application.scheduling.ports.errors import StoreRefusedError

OWNED_SCHEMA = "scheduler_content"
# The columns that the tasks name; instants may be with or without a time zone, if they are UTC.
NEEDED: Mapping[str, str] = {
    "activity_pub_log": "id direction result created_at",
    "instance": "id",
    "user": "id instance_id deleted banned bot ap_id last_seen",
    "community": "id instance_id post_count post_reply_count",
    "post": "id user_id community_id instance_id image_id title body url status deleted deleted_by reply_count"
    " posted_at",
    "post_reply": "id user_id post_id community_id instance_id image_id parent_id child_count body deleted deleted_by"
    " posted_at",
    "post_bookmark": "post_id",
    "post_reply_bookmark": "post_reply_id",
    "report": "suspect_post_id suspect_post_reply_id status",
    "file": "id file_path thumbnail_path",
}
# Those that they use where they find them.
_OPTIONAL = frozenset({
    *OWN_DATE.items(),
    *(("instance", name) for name in SHOWN),
    *((entity, RENDERED) for entity in ("post", "post_reply")),
    ("post", CROSS_POSTS),
    *((soft.table, name) for soft in SOFT_REFERENCES for name in soft.columns),
})  # fmt: skip
COLUMNS = frozenset((table, name) for table, names in NEEDED.items() for name in names.split()) | _OPTIONAL
TABLES = frozenset({*NEEDED, *NULLIFIED, *REMOVED, *(soft.table for soft in SOFT_REFERENCES)})

# https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS: longer ones are cut off.
_Identifier = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[^\x00-\x1f\x7f]+$")]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the file says; without one, the tables are PieFed's or ours."""

    names: Names = PIEFED
    published_status_min: int = 1
    legal_hold: frozenset[int] = frozenset()
    nullified: frozenset[str] = frozenset()
    removed: tuple[str, ...] = ()
    owned: str = OWNED_SCHEMA

    def host(self, **found: Any) -> Host:
        """The host with what was found of it besides."""
        return Host(
            names=self.names,
            published_status_min=self.published_status_min,
            legal_hold=self.legal_hold,
            nullified=NULLIFIED | self.nullified,
            removed=(*self.removed, *REMOVED),
            **found,
        )


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    profile: Literal["piefed", "custom"] = "piefed"
    published_status_min: int = 1
    legal_hold: list[int] = []
    nullify: list[_Identifier] = []
    delete: list[_Identifier] = []
    owned_schema: _Identifier = OWNED_SCHEMA
    map: dict[str, _Identifier] = {}

    @model_validator(mode="after")
    def _is_a_map(self) -> Self:
        if self.map and self.profile == "piefed":
            raise ValueError('a map is for profile = "custom"')
        if unknown := sorted(name for name in self.map if not _is_known(name)):
            raise ValueError(f"PieFed has no {', '.join(unknown)} that the tasks use")
        if twice := _twice(TABLES, self.map) + _twice({".".join(each) for each in COLUMNS}, self.map):
            raise ValueError(f"{', '.join(twice)} would be two things at once")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    # The field is `schema` in the file; pydantic has a method of that name.
    described: _Schema = Field(default_factory=_Schema, alias="schema")


def read_layout(path: Path | None) -> Layout:
    """The layout in the file at `path`, none being the usual one. Raises StoreRefusedError, with a reason for each."""
    if path is None:
        return Layout()
    try:
        told = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).described
    except (OSError, ValueError) as error:
        raise StoreRefusedError(f"the content's schema in {path}: {_reason(error)}") from error
    columns = {(name.partition(".")[0], name.partition(".")[2]): to for name, to in told.map.items() if "." in name}
    return Layout(
        names=Names({name: to for name, to in told.map.items() if "." not in name}, columns),
        published_status_min=told.published_status_min,
        legal_hold=frozenset(told.legal_hold),
        nullified=frozenset(told.nullify),
        removed=tuple(told.delete),
        owned=told.owned_schema,
    )


def _is_known(name: str) -> bool:
    table, _, column = name.partition(".")
    return (table, column) in COLUMNS if column else name in TABLES


def _twice(known: Iterable[str], called: Mapping[str, str]) -> list[str]:
    """What two tables, or two columns of one table, would be called."""
    places = Counter((name.rpartition(".")[0], called.get(name, name.rpartition(".")[2])) for name in known)
    return sorted(to for (_, to), count in places.items() if count > 1)


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    faults: list[Any] = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults)
