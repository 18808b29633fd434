"""Which passwords are taken: any characters, at least eight of them, and not what everybody guesses first.

A password is compared in the form NFKC (Unicode Standard Annex 15), because the same signs arrive composed from one
keyboard and decomposed from another; NIST SP 800-63B, 5.1.1.2 asks for that. Nothing is cut off: what is longer than
LENGTH_MAX is refused. No mixture of kinds of characters is asked for, which only leads to `Password1!`.

What is guessed first is derived rather than listed: repetitions, runs along the keyboard or the alphabet, the user's
own name, and a short list of words with what people put before, behind and in place of their letters.
"""

import re
import unicodedata

from domain.errors import InvalidAccountError

LENGTH_MIN = 8
LENGTH_MAX = 256
RUN_MIN = 3
RUNS_MAX = 3
NAME_MIN = 3
BESIDE_NAME_MIN = 6
DISTINCT_MIN = 4

_WORDS_TEXT = """
abc abcabc access account admin adminadmin administrator andrew angel apple arsenal asdf ashley azerty babygirl
backup bailey banana baseball basketball batman blink buster changeit changeme charlie cheese chelsea chocolate
computer cookie corvette daniel database default demo donald dragon family ferrari flower football freedom friend
friends gandalf ginger google guest hallo hannah harley hello helloworld hockey hunter iloveu iloveyou internet
jennifer jessica jordan joshua killer letmein letmeinnow linux liverpool login logmein lovely loveme master matrix
maverick merlin michael michelle monday monkey mustang mypass mypassword naruto ninja nothing orange pass passme
passw passwd password passwordpassword passwort peachpie pepper phoenix pokemon princess private purple qazwsx qwer
qwert qwerty qwertz ranger robert root samsung scheduler secret secure server service shadow silver simple snoopy
soccer something spiderman starwars steelers strong student summer sunday sunshine superman superuser support
sysadmin system temp temporary temppass test tester testing testtest thomas thunder tigger toor trustno trustnoone
user username welcome whatever winter wizard yankees zaq
"""
_WORDS = frozenset(_WORDS_TEXT.split())
_ROWS = (
    "1234567890",
    "0123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiopü",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "a1b2c3d4e5f6",
    "!@#$%^&*()",
)
_RUNS = tuple(row for each in _ROWS for row in (each, each[::-1]))
_REPEATED = re.compile(r"(.{1,8}?)\1+(.{0,3})", re.DOTALL)
_STAND_INS = str.maketrans("0134578@$!€", "oieastbasie")


def accepted(text: str, name: str) -> str:
    """The password of the user of this name, in the form it is hashed in. Raises InvalidAccountError, without it."""
    if len(text) > LENGTH_MAX:
        raise _refused("too_long", f"a password has at most {LENGTH_MAX} characters")
    password = normalised(text)
    if len(password) < LENGTH_MIN:
        raise _refused("too_short", f"a password has at least {LENGTH_MIN} characters; 15 or more are better")
    if _is_guessed_first(password.casefold(), name):
        raise _refused("too_common", "this is among the passwords that are guessed first")
    return password


def normalised(text: str) -> str:
    """The form in which passwords are hashed and compared. Bounded by the caller: it takes its time with long texts."""
    return unicodedata.normalize("NFKC", text)


def _refused(code: str, detail: str) -> InvalidAccountError:
    hint = "Three or four unrelated words, with spaces if you like, are long and easy to remember."
    return InvalidAccountError(detail, code=code, pointer="/password", hint=hint)


def _is_guessed_first(password: str, name: str) -> bool:
    return (
        len(set(password)) < DISTINCT_MIN
        or _is_repetition(password)
        or _is_runs(password)
        or _core(password) in _WORDS
        or _is_about(name, password)
    )


def _is_repetition(password: str) -> bool:
    """True for a few characters over and over, with a short end of any kind."""
    return _REPEATED.fullmatch(password) is not None


def _is_runs(password: str) -> bool:
    """True if a few runs along a row of keys or the alphabet, forwards or backwards, make all of it."""
    rest, runs = password, 0
    while rest and runs < RUNS_MAX:
        length = max((each for each in range(RUN_MIN, len(rest) + 1) if _is_run(rest[:each])), default=0)
        if not length:
            return False
        rest, runs = rest[length:], runs + 1
    return not rest


def _is_run(text: str) -> bool:
    return any(text in row for row in _RUNS)


def _core(password: str) -> str:
    """The word without the digits and signs around it, and letters where others stand in for them."""
    start, end = 0, len(password)
    while start < end and not password[start].isalpha() and password[start] not in "@$":
        start += 1
    while end > start and not password[end - 1].isalpha():
        end -= 1
    return "".join(each for each in password[start:end].translate(_STAND_INS) if each.isalpha())


def _is_about(name: str, password: str) -> bool:
    """True if hardly anything is left without the user's name."""
    if len(name) < NAME_MIN or name not in password:
        return False
    return len(password.replace(name, "")) < BESIDE_NAME_MIN
