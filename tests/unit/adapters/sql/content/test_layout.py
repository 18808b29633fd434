from pathlib import Path

import pytest

from adapters.sql.content.layout import Layout, read_layout
from adapters.sql.content.names import Names
from application.scheduling.ports.errors import StoreRefusedError


def test_without_a_file_the_tables_are_piefeds(tmp_path: Path) -> None:
    path = tmp_path / "schema.toml"
    path.write_text("")

    assert read_layout(None) == read_layout(path) == Layout()
    assert not Layout().names


def test_a_file_says_what_things_are_called_and_what_becomes_of_them(tmp_path: Path) -> None:
    path = tmp_path / "schema.toml"
    path.write_text("""
        [schema]
        profile = "custom"
        published_status_min = 2
        legal_hold = [4, 7]
        nullify = ["audit"]
        delete = ["award_vote", "award"]
        owned_schema = "ours"
        map = { post_reply = "comment", "post_reply.parent_id" = "above" }""")

    layout = read_layout(path)

    names = Names({"post_reply": "comment"}, {("post_reply", "parent_id"): "above"})
    assert layout == Layout(names, 2, frozenset({4, 7}), frozenset({"audit"}), ("award_vote", "award"), "ours")
    assert layout.host().removed[:2] == ("award_vote", "award")
    assert {"audit", "mod_log"} == layout.host().nullified


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[schema", "at line 1|Expected"),
        ("[schema]\nprofil = 'custom'", "schema.profil: Extra inputs"),
        ("[scheme]", "scheme: Extra inputs"),
        ("[schema]\nprofile = 'lemmy'", "'piefed' or 'custom'"),
        ("[schema]\nlegal_hold = ['four']", "legal_hold.0"),
        ("[schema]\nmap = { post = 'article' }", 'for profile = "custom"'),
        ("[schema]\nprofile = 'custom'\nmap = { pots = 'article' }", "PieFed has no pots"),
        ("[schema]\nprofile = 'custom'\nmap = { 'post.colour' = 'hue' }", "PieFed has no post.colour"),
        ("[schema]\nprofile = 'custom'\nmap = { post = '' }", "map.post: String should have at least 1"),
        ("[schema]\nprofile = 'custom'\nmap = { post = \"a\\u0000b\" }", "map.post: String should match"),
        (f"[schema]\nprofile = 'custom'\nmap = {{ post = '{'x' * 64}' }}", "at most 63"),
        ("[schema]\nprofile = 'custom'\nmap = { post = 'a', post_reply = 'a' }", "a would be two things at once"),
        ("[schema]\nprofile = 'custom'\nmap = { post = 'report' }", "report would be two things at once"),
        ("[schema]\nprofile = 'custom'\nmap = { 'post.title' = 'body' }", "body would be two things at once"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "schema.toml"
    path.write_text(text)

    with pytest.raises(StoreRefusedError, match=reason) as refusal:
        read_layout(path)
    assert str(path) in str(refusal.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreRefusedError, match="No such file"):
        read_layout(tmp_path / "schema.toml")


def test_two_names_that_change_places_are_told_apart() -> None:
    names = Names({"post": "post_reply", "post_reply": "post"}, {("post", "title"): "body", ("post", "body"): "title"})

    assert (names.known_as("post"), names.known_as("post_reply"), names.known_as("file")) == (
        "post_reply",
        "post",
        "file",
    )
    assert names.column_known_as("post", "title") == "body"


def test_a_table_whose_name_is_taken_for_another_is_nothing_we_know() -> None:
    names = Names({"post": "article"}, {("post", "title"): "headline"})

    assert (names.known_as("article"), names.known_as("post")) == ("post", "")
    assert (names.column_known_as("post", "headline"), names.column_known_as("post", "title")) == ("title", "")
