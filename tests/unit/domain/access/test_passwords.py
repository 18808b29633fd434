"""Which passwords are taken."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access.passwords import LENGTH_MAX, LENGTH_MIN, accepted, normalised
from domain.errors import InvalidAccountError

GUESSED_FIRST = [
    "password", "Password", "password1", "Password123!", "p@ssw0rd", "P@$$w0rd", "passw0rd!", "123password",
    "12345678", "123456789", "1234567890", "87654321", "0987654321", "11111111", "00000000", "aaaaaaaa", "abababab",
    "12341234", "123123123", "abc123abc123", "testtest", "qwertyuiop", "qwerty123", "qwerty12345", "qwertz123",
    "asdfghjkl", "zxcvbnm123", "1qaz2wsx", "1q2w3e4r", "1q2w3e4r5t", "abcdefgh", "abcd1234", "hgfedcba", "iloveyou1",
    "letmein!!", "welcome2024", "Summer2024!", "monkey12", "changeme", "ChangeMe!", "administrator", "admin123",
    "admin2024!", "scheduler1", "peachpie!", "dragon99", "trustno1", "football", "letmein1", "aabbaabb", "1111222233",
    "11223344", "99887766", "aabbccddee", "zxcvbnm1", "asdfghjkl!1", "12345678a", "147258369", "159753456", "abcdefg!?",
    "november", "December1", "september2024!", "Elizabeth", "nicholas1", "Barcelona!", "dolphins", "peaches1",
    "Company123", "111222333abc", "qwertyuiop123!@", "Fridays24!", "a123456789", "aa123456", "!!!qwerty", "14789632",
]  # fmt: skip
TAKEN = [
    "correct horse battery staple", "tr0ub4dor&3x", "qwerty is no password", "ana's other dog", "Ünïcödé wörd",
    "ﷺ ﷺ ﷺ abc", "🍑🥧🍒🍇🍉🍊🍋🍌", "пароль-не-скажу", "        x y z 1", "kW9#vb2!",
    "hunter-gatherer", "12345678 and 9", "abc of cooking", "november rain falls", "mississippi mud", "1234 five!",
]  # fmt: skip


def _code(password: str, name: str = "ana") -> str:
    with pytest.raises(InvalidAccountError) as refused:
        accepted(password, name)
    return refused.value.reason


@pytest.mark.parametrize("password", GUESSED_FIRST)
def test_what_is_guessed_first_is_refused(password: str) -> None:
    assert _code(password) == "too_common"


@pytest.mark.parametrize("password", TAKEN)
def test_any_other_is_taken_whatever_its_characters(password: str) -> None:
    assert accepted(password, "ana") == unicodedata.normalize("NFKC", password)


@pytest.mark.parametrize("password", ["anastasia", "Anastasia1", "1anastasia!", "anastasia2024", "anastasiaanastasia1"])
def test_a_name_with_a_little_beside_it_is_refused_as_its_bearers_password(password: str) -> None:
    assert _code(password, "anastasia") == "too_common"


def test_a_name_among_other_words_is_taken() -> None:
    assert accepted("anastasia likes tea", "anastasia") == "anastasia likes tea"


def test_the_lengths_are_counted_in_characters_and_nothing_is_cut_off() -> None:
    odd = "xK" + "4hV,öq2 " * 40

    assert _code("kW9#vb2") == "too_short"
    assert accepted(odd[:LENGTH_MIN], "ana") == odd[:LENGTH_MIN]
    assert accepted(odd[:LENGTH_MAX], "ana") == odd[:LENGTH_MAX]
    assert _code(odd[: LENGTH_MAX + 1]) == "too_long"


def test_composed_and_decomposed_signs_are_one_password() -> None:
    assert accepted("cafe\u0301 au lait", "ana") == accepted("caf\u00e9 au lait", "ana") == normalised("café au lait")


def test_a_refusal_never_repeats_the_password() -> None:
    for password in ("kW9#vb", "kW9#vb2!" * 40, "anastasia1"):
        with pytest.raises(InvalidAccountError) as refused:
            accepted(password, "anastasia")
        assert password not in str(refused.value) + str(refused.value.hint)


@given(st.text(max_size=LENGTH_MAX + 10), st.text("abc", min_size=1, max_size=10))
def test_whatever_is_given_is_taken_whole_or_refused_as_a_fault_of_the_password(password: str, name: str) -> None:
    try:
        found = accepted(password, name)
    except InvalidAccountError as error:
        found = error.pointer

    assert found in (unicodedata.normalize("NFKC", password), "/password")
