"""What is kept of an error: bounded, redacted, and never an error of its own."""

from time import thread_time

import pytest

from application.scheduling.processors import PermanentError
from application.scheduling.services.error_reports import KIND_CHARACTERS_MAX, TEXT_CHARACTERS_MAX, redacted, report_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://app:s3cret@db/x", "postgresql://app:***@db/x"),
        ("redis://:p@ss@redis:6379/0 refused", "redis://:***@redis:6379/0 refused"),
        ("https://example.org/a:b", "https://example.org/a:b"),
        ("password=hunter2, retrying", "password=***, retrying"),
        ('{"api_key": "abc", "days": 3}', '{"api_key": ***, "days": 3}'),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("DB_PASSWORD='a b c' x", "DB_PASSWORD=*** x"),
        ("access_key: AKIA, passphrase=p", "access_key: ***, passphrase=***"),
        ("token expired", "token expired"),
        ("nothing to hide: 3 = 3", "nothing to hide: 3 = 3"),
    ],
)
def test_secrets_are_masked_and_the_rest_is_left_alone(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_a_report_has_the_traceback_and_the_cause() -> None:
    try:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise RuntimeError("then: password=hunter2") from error
    except RuntimeError as error:
        report = report_of(error)

    assert report.kind == "RuntimeError"
    assert "KeyError: 'first'" in report.text
    assert "test_error_reports.py" in report.text
    assert "hunter2" not in report.text


def test_a_report_is_bounded_however_long_its_parts() -> None:
    report = report_of(PermanentError("c" * 1_000, "\x00" * 100_000))

    assert (len(report.kind), len(report.text)) == (KIND_CHARACTERS_MAX, TEXT_CHARACTERS_MAX)


def test_an_error_that_fails_while_it_is_told_is_reported_by_its_class() -> None:
    class OddError(Exception):
        @property
        def __cause__(self) -> BaseException:  # type: ignore[override]
            raise SystemExit("caught you")

    assert report_of(OddError()).text == "OddError (its text could not be read)"


@pytest.mark.parametrize("text", ["password" * 5_000, "://" * 13_000, "token='" * 6_000, "a" * 40_000 + "@"])
def test_no_text_holds_up_the_worker(text: str) -> None:
    began = thread_time()

    redacted(text)

    assert thread_time() - began < 0.2


def test_the_last_line_of_a_group_says_what_was_in_it() -> None:
    report = report_of(ExceptionGroup("several", [ValueError("one"), KeyError("two")]))

    assert report.gist == "ExceptionGroup: several (2 sub-exceptions): ValueError: one; KeyError: 'two'"
