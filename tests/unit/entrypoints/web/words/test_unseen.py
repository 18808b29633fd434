"""What would turn the direction of a line is shown as its escape on every page, and kept in every field."""

import re

import pytest
from jinja2 import Environment
from markupsafe import Markup

from entrypoints.web.rendering import FOLDER
from entrypoints.web.words.unseen import as_sent, shown

PAGE = Environment(autoescape=True, finalize=shown)
PAGE.filters["as_sent"] = as_sent
# What people have written, or will send: a field's own value, a form's, one of a query.
_TYPED = re.compile(r"\.get\(|\bsent\(|^value$|_json|\.file\b")
_FIELD = re.compile(r'<(?:input|option)\b[^>]*?\bvalue="\{\{ (.*?) \}\}"|<textarea[^>]*>\s*\{\{ (.*?) \}\}')


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("photo\u202egnp.exe", r"photo\u202egnp.exe"),
        ("\u2067<b>\u2069", r"\u2067&lt;b&gt;\u2069"),
        ("שלום\u200f café", "שלום\u200f café"),
        (Markup("<b>é</b>"), "<b>é</b>"),
        (7, "7"),
    ],
)
def test_a_text_turns_no_line_round_whatever_template_shows_it(text: object, page: str) -> None:
    assert PAGE.from_string("{{ text }}").render(text=text) == page


def test_a_field_holds_what_will_be_sent_again() -> None:
    field = PAGE.from_string('<input value="{{ text|as_sent }}">').render(text='a\u202e"b')

    assert field == '<input value="a\u202e&#34;b">'


def test_every_field_that_holds_what_people_wrote_keeps_it() -> None:
    held = [
        (path.name, told)
        for path in sorted(FOLDER.glob("*.html"))
        for told in ("".join(found) for found in _FIELD.findall(path.read_text()))
        if _TYPED.search(told.removesuffix("|as_sent"))
    ]

    assert len(held) > 20
    # `sent` is a macro, which says so itself.
    assert [each for each in held if not each[1].endswith("|as_sent") and not each[1].startswith("sent(")] == []
