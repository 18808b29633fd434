"""YAML as we read it: what JSON can say and nothing else, by its lines, within bounds (reliability E 46)."""

from time import thread_time
from typing import Any

import pytest

from application.scheduling.declarations.yaml_text import DEPTH_MAX, NODES_MAX, MalformedYamlError, read

SECONDS_MAX = 1.0
REFUSED = {
    "a: &x 1\nb: *x": ("alias", "line 2"),
    "a: &a [*a]": ("alias", "line 1"),
    "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]": ("alias", "line 2"),
    "a: !!python/object/apply:os.system [true]": ("tag", "line 1"),
    "!task {}": ("tag", "line 1"),
    "%TAG ! tag:x,2000:\n---\n!y 1": ("tag", "line 3"),
    "<<: {a: 1}": ("merge_key", "line 1"),
    "a: 1\n\na: 2": ("duplicate_key", "line 3"),
    "? [a]\n: 1": ("wrong_type", "line 1"),
    "a: 1\n---\nb: 2": ("several_documents", "line 2"),
    "a: b: c": ("malformed_yaml", "line 1"),
    "a: 'x": ("malformed_yaml", "line 1"),
    "\t- a": ("malformed_yaml", ""),
    "a: \x00": ("malformed_yaml", ""),
    "{" * 100_000: ("wrong_type", "line 1"),
    "- " * 100_000: ("too_deep", "line 1"),
    "[" * (DEPTH_MAX + 1): ("too_deep", "line 1"),
    "- a\n" * (NODES_MAX + 1): ("too_many_values", "line 50,000"),
    "a: 1e999": ("number_too_large", "line 1"),
    "a: " + "9" * 2_000: ("number_too_large", "line 1"),
    "a" * 1_001 + ": 1": ("name_too_long", "line 1"),
}


@pytest.mark.parametrize(("text", "told"), REFUSED.items(), ids=lambda part: f"{part!r:.40}")
def test_what_is_no_data_is_refused_at_its_line_in_bounded_time(text: str, told: tuple[str, str]) -> None:
    began = thread_time()
    with pytest.raises(MalformedYamlError) as refused:
        read(text)

    assert thread_time() - began < SECONDS_MAX
    assert refused.value.reason == told[0]
    assert refused.value.detail.startswith(told[1])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing", None),
        ("a: [true, false, null, ~, ]", {"a": [True, False, None, None]}),
        ("a: [1, -2, 1.5, 1e3]", {"a": [1, -2, 1.5, 1000.0]}),
        (
            "a: [no, yes, on, True, 1:30, 0x1F, 007, .5, .nan]",
            {"a": ["no", "yes", "on", "True", "1:30", "0x1F", "007", ".5", ".nan"]},
        ),
        ("a: [2026-12-24, 2026-12-24T18:00]", {"a": ["2026-12-24", "2026-12-24T18:00"]}),
        ("a: ['true', \"1\"]", {"a": ["true", "1"]}),
        ("null: 1\n1: 2\n'<<': 3", {"null": 1, "1": 2, "<<": 3}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
    ],
)
def test_without_quotes_only_what_json_has_is_no_text(text: str, value: Any) -> None:
    assert read(text).value == value


def test_every_place_has_its_line() -> None:
    found = read("tasks:\n  a/b:\n    - 1\n    - {c: 2}\n")

    assert found.lines == {"": 1, "/tasks": 1, "/tasks/a~1b": 2, "/tasks/a~1b/0": 3, "/tasks/a~1b/1": 4} | {
        "/tasks/a~1b/1/c": 4
    }
