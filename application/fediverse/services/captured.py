"""Real input for a demonstration: a list of Lemmy instances, and activities as other platforms sent them.

Both are found in a folder outside the project. Without it a small invented set takes their place.
"""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

# `[name](url)`: a name may hold brackets of its own, so the last pair that fits is the address.
_LINK = re.compile(r"\[(?P<name>.*)\]\((?P<url>https?://[^\s()]+)\)")
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_DOMAIN_CHARACTERS_MAX = 253
_ACTIVITY_BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class KnownInstance:
    """An instance of the list; `users` is 0 where the list does not say."""

    name: str
    domain: str
    version: str
    users: int


@dataclass(frozen=True, slots=True)
class CapturedActivity:
    """An activity as it came over the wire, and the platform that sent it."""

    platform: str
    activity_id: str
    activity_type: str
    json: str


@dataclass(frozen=True, slots=True)
class Captured:
    """What demonstration content is made of; both sequences hold something."""

    instances: Sequence[KnownInstance]
    activities: Sequence[CapturedActivity]


def captured(data_dir: Path | None) -> Captured:
    """Read the folder, or invent what it does not hold. What cannot be understood is left out."""
    instances: Sequence[KnownInstance] = ()
    activities: Sequence[CapturedActivity] = ()
    if data_dir is not None:
        instances = list(_instances(data_dir / "lemmy_instances.csv"))
        activities = list(_activities(data_dir / "activities"))
    return Captured(instances or _invented_instances(), activities or _invented_activities())


def read_instance(row: dict[str, str | None]) -> KnownInstance | None:
    """One row of the list; None if it names no host. Unknown figures are written `??`."""
    link = _LINK.search(row.get("Instance") or "")
    if link is None:
        return None
    domain = (urlsplit(link["url"]).hostname or "").lower()
    if len(domain) > _DOMAIN_CHARACTERS_MAX or not _DOMAIN.fullmatch(domain):
        return None
    users = (row.get("Users") or "").strip()
    return KnownInstance(
        name=link["name"].strip() or domain,
        domain=domain,
        version=(row.get("Version") or "").strip()[:50],
        users=int(users) if users.isascii() and users.isdigit() else 0,
    )


def _instances(path: Path) -> Iterator[KnownInstance]:
    if not path.is_file():
        return
    seen: set[str] = set()
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            instance = read_instance(row)
            if instance is not None and instance.domain not in seen:
                seen.add(instance.domain)
                yield instance


def _activities(folder: Path) -> Iterator[CapturedActivity]:
    """Everything below `<platform>/activities`; objects and collections are no activities."""
    for path in sorted(folder.glob("*/activities/**/*.json")):
        if path.stat().st_size > _ACTIVITY_BYTES_MAX:
            continue
        platform = path.relative_to(folder).parts[0]
        activity = read_activity(path.read_text(encoding="utf-8", errors="replace"), platform)
        if activity is not None:
            yield activity


def read_activity(text: str, platform: str) -> CapturedActivity | None:
    """An activity with an id and a type, or None: some servers send lists, or leave both out."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    match value.get("id"), value.get("type"):
        case (str(id_), str(type_)) if id_ and type_:
            return CapturedActivity(platform, id_, type_[:50], json.dumps(value, ensure_ascii=False))
    return None


def _invented_instances() -> list[KnownInstance]:
    names = ("alder", "birch", "cedar", "dogwood", "elm", "fir", "ginkgo", "hazel", "ivy", "juniper")
    return [
        KnownInstance(name.title(), f"{name}.example", "0.19.3", users=500 // position)
        for position, name in enumerate(names, start=1)
    ]


def _invented_activities() -> list[CapturedActivity]:
    activities = []
    for type_ in ("Create", "Like", "Follow", "Announce", "Update", "Delete"):
        id_ = f"https://alder.example/activities/{type_.lower()}/1"
        value = {
            "id": id_,
            "type": type_,
            "actor": "https://alder.example/u/ann",
            "object": "https://birch.example/p/1",
        }
        activities.append(CapturedActivity("invented", id_, type_, json.dumps(value)))
    return activities
