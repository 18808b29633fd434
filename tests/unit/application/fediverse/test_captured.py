import json
from pathlib import Path

import pytest

from application.fediverse.services.captured import captured, read_activity, read_instance


@pytest.mark.parametrize(
    ("cell", "name", "domain"),
    [
        ("[Lemmy.World](https://lemmy.world)", "Lemmy.World", "lemmy.world"),
        ("[Blåhaj Lemmy](https://lemmy.blahaj.zone)", "Blåhaj Lemmy", "lemmy.blahaj.zone"),
        ("[Star Trek∶ Website](https://startrek.website)", "Star Trek∶ Website", "startrek.website"),
        ("[a [b] (c)](https://x.example)", "a [b] (c)", "x.example"),
        ("[](https://x.example)", "x.example", "x.example"),
        ("[x](http://X.Example:8536/home)", "x", "x.example"),
    ],
)
def test_a_name_is_a_markdown_link(cell: str, name: str, domain: str) -> None:
    instance = read_instance({"Instance": cell, "Users": "18459", "Version": "0.19.3"})

    assert instance is not None
    assert (instance.name, instance.domain, instance.users) == (name, domain, 18_459)


@pytest.mark.parametrize("cell", [None, "", "lemmy.world", "[x]()", "[x](ftp://x.example)", "[x](https://localhost)"])
def test_what_names_no_host_is_left_out(cell: str | None) -> None:
    assert read_instance({"Instance": cell}) is None


@pytest.mark.parametrize("users", [None, "", "??", "12k", "-3", "²"])
def test_a_figure_nobody_knows_is_nought(users: str | None) -> None:
    instance = read_instance({"Instance": "[x](https://x.example)", "Users": users})

    assert instance is not None
    assert instance.users == 0


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "{}", '{"id": 3, "type": "Like"}', '{"id": "a", "type": ["Like"]}', '{"id": "a"}']
)
def test_what_is_no_activity_is_left_out(text: str) -> None:
    assert read_activity(text, "lemmy") is None


def test_only_activities_are_taken_from_a_folder(tmp_path: Path) -> None:
    for place in ("lemmy/activities/voting", "lemmy/objects", "pleroma/activities"):
        folder = tmp_path / "activities" / place
        folder.mkdir(parents=True)
        (folder / "it.json").write_text(json.dumps({"id": place, "type": "Like"}))

    activities = captured(tmp_path).activities

    assert [(each.platform, each.activity_id) for each in activities] == [
        ("lemmy", "lemmy/activities/voting"),
        ("pleroma", "pleroma/activities"),
    ]


@pytest.mark.parametrize("folder", [None, Path("/nowhere/at/all")])
def test_without_a_folder_a_small_set_is_invented(folder: Path | None) -> None:
    source = captured(folder)

    assert len(source.instances) == 10
    assert {each.activity_type for each in source.activities} >= {"Create", "Like", "Delete"}
