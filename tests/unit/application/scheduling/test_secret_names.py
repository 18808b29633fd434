"""Whatever stands under the name of a secret is left out."""

from typing import Any

import pytest

from application.scheduling.secret_names import without_secrets


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
