"""Names on their way in: one spelling, nothing unseen; and what was named before keeps its name."""

from dataclasses import replace

import pytest

from application.scheduling.drafts import body_from, define
from domain.errors import InvalidInputError
from tests.support.builders import a_definition
from tests.support.manual_clock import NOON

DOCUMENT = {"task_type": "mail", "schedule_type": "cron", "schedule": "0 * * * *"}
COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def test_two_spellings_of_one_name_are_one_name() -> None:
    one, other = (define(body_from({**DOCUMENT, "name": name}), now=NOON) for name in (COMPOSED, DECOMPOSED))

    assert one.name == other.name == COMPOSED


def test_a_name_with_something_unseen_is_refused_with_what_and_where() -> None:
    with pytest.raises(InvalidInputError) as refused:
        define(body_from({**DOCUMENT, "name": "a\u200bb", "handler": "c\u202ed"}), now=NOON)

    faults = refused.value.faults
    assert [(each.pointer, each.position, (each.hint or "")[:6]) for each in faults] == [
        ("/name", 1, "U+200B"),
        ("/handler", 1, "U+202E"),
    ]


@pytest.mark.parametrize("name", [DECOMPOSED, "a\u200bb"])
def test_a_task_that_was_named_before_keeps_its_name_and_what_it_runs_until_it_gets_another(name: str) -> None:
    present = replace(a_definition(), name=name)

    kept = define(body_from({**DOCUMENT, "name": name, "description": "new"}), now=NOON, present=present)
    renamed = define(body_from({**DOCUMENT, "name": "new"}), now=NOON, present=present)

    assert (kept.name, kept.handler, kept.description) == (name, present.handler, "new")
    assert (renamed.name, renamed.handler_name) == ("new", present.handler_name)
