"""Whatever stands under the name of a secret is left out, and comes back where it was left out."""

from typing import Any

import pytest

from application.scheduling.secret_names import with_secrets, without_secrets


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"api_key": "abc", "mode": "full"}, {"api_key": "***", "mode": "full"}),
        ({"tokens": ["sk-1"]}, {"tokens": "***"}),
        ({"password": ["p"]}, {"password": "***"}),
        ({"credentials": {"user": "u", "value": "s"}}, {"credentials": "***"}),
        ({"pin_token": 1234}, {"pin_token": "***"}),
        ({"private_key": "-----BEGIN", "AccessKey": "A"}, {"private_key": "***", "AccessKey": "***"}),
        ({"to": [{"Passphrase": "p", "host": "h"}]}, {"to": [{"Passphrase": "***", "host": "h"}]}),
        ({"passes": 3, "key": "k", "author": "a"}, {"passes": 3, "key": "k", "author": "a"}),
    ],
)
def test_whatever_stands_under_the_name_of_a_secret_is_left_out(value: Any, shown: Any) -> None:
    assert without_secrets(value) == shown


@pytest.mark.parametrize(
    ("value", "present", "whole", "missing"),
    [
        ({"api_key": "***", "mode": "delta"}, {"api_key": "abc"}, {"api_key": "abc", "mode": "delta"}, []),
        ({"to": [{"pwd": "***"}, {"n": 1}]}, {"to": [{"pwd": ["p"]}]}, {"to": [{"pwd": ["p"]}, {"n": 1}]}, []),
        ({"token": "new"}, {"token": "old"}, {"token": "new"}, []),
        ({"mode": "***"}, {"mode": "x"}, {"mode": "***"}, []),
        ({"deep": {"token": "***"}}, {"deep": []}, {"deep": {}}, [("deep", "token")]),
        ({"list": [{}, {"token": "***"}]}, None, {"list": [{}, {}]}, [("list", 1, "token")]),
    ],
)
def test_what_was_left_out_is_taken_from_what_is_there(
    value: Any, present: Any, whole: Any, missing: list[tuple[object, ...]]
) -> None:
    found: list[tuple[object, ...]] = []

    assert with_secrets(value, present, found) == whole
    assert found == missing
