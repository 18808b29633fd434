"""Which passwords are taken: any characters, at least eight of them, and not what everybody guesses first.

A password is compared in the form NFKC (Unicode Standard Annex 15), because the same signs arrive composed from one
keyboard and decomposed from another; NIST SP 800-63B, 5.1.1.2 asks for that. Nothing is cut off: what is longer than
LENGTH_MAX is refused. No mixture of kinds of characters is asked for, which only leads to `Password1!`.

What is guessed first is derived rather than listed: repetitions, runs along the keyboard or the alphabet, the user's
own name, and a list of words of our own making (names, months, places, beasts) with what people put before, behind and
in place of their letters.
"""

import re
import unicodedata

from domain.errors import InvalidAccountError

LENGTH_MIN = 8
LENGTH_MAX = 256
RUN_MIN = 3
RUNS_MAX = 3
RUNS_END_MAX = 3
NAME_MIN = 3
BESIDE_NAME_MIN = 6
DISTINCT_MIN = 4

_WORDS_TEXT = """
abc abcabc access account admin adminadmin administrator africa alaska alexander alexandra alice amanda america
amsterdam andrea andrew angel angela anna anthony apple april argentina arsenal asdf ashley asia athletic atlanta august
austin australia austria autumn azerty babygirl backup bailey banana barbara barcelona baseball basketball batman bayern
benfica benjamin berlin bigdaddy birthday blackcat blessing blink bluebird bluesky boston brandon brazil brian brooklyn
brother buster buttercup butterfly california canada carolina caroline cartoon catherine celtic champagne champion
changeit changeme charlie charlotte cheese chelsea chicago chicken china chocolate chosen christian christina christine
christmas christopher cinderella claudia cocacola coffee colorado company computer contact cookie corvette cowboys
creative crystal dallas danger daniel danielle darkness database daughter david deborah december default defender demo
denmark denver destiny diamond diana dinosaur doctor dolphin dominic donald dorothy dragon dreamer dropbox dublin eagle
eagles easter edward einstein eleanor electric elephant elizabeth emily emma emperor england enter eric eternity europe
everton excalibur explorer facebook falcon family fantasy father february ferrari fighter fireball firebird flamingo
florence florian florida flower football forest forever fortune france francesca francis frank freedom friday friend
friends fuckyou gabriel gandalf gangster garfield general genesis genius gentle george germany giants ginger giovanni
gloria goldfish goodluck google gorilla grandma graphic greece greenday gregory guardian guest guitar hacker hallo
halloween hamburg hannah happiness happy hardcore hardware harley hawaii heather heaven hedgehog helen hello helloworld
henry hercules heritage hockey holiday honey hongkong hospital houston hummingbird hunter iloveu iloveyou imagine
immortal india infinity inside instagram internet invincible ireland isabel isabella island israel italy jackpot jackson
jacob james january japan jasmine jason jennifer jeremy jerusalem jessica jesus jesuschrist joanna johannes john johnson
jonathan jordan joseph joshua julia julian july june jupiter justice justin juventus kangaroo karen katherine kathleen
kevin keyboard killer kimberly kingdom kitten knight kristina lakers laptop lasvegas laura lauren lavender legend
leonard leopard letmein letmeinnow liberty lightning linkedin linux lion lisa liverpool login logmein lollipop london
lorenzo losangeles louise lovely loveme lucas lucky lucy macbook madison madrid magic manager manchester march margaret
maria marie marine mario mark marketing marlboro marshall martin martina master matrix matthew maverick max maximilian
maximum may melanie melbourne melissa memory mercedes mercury merlin metallic metallica mexico miami michael michele
michelle microsoft midnight miguel milano millennium miracle mission mister monday money monica monkey monster moonlight
moscow mother motorola mountain mumbai munich music mustang mypass mypassword mystery naruto natalie natasha nathan
nature network newlife newyork nicholas nicolas nicole ninja nintendo nirvana norway notebook nothing november number
october office oliver olivia operator orange oxford packers pamela pandora panther paradise paris pass passion passme
passw passwd password passwordpassword passwort patricia patrick paul peace peaches peachpie peanut penguin pepper
perfect personal peter philip phoenix picture pineapple pirate planet platinum playboy playstation pokemon poland
popcorn portugal power precious president princess private project promise purple python qazwsx qwer qwert qwerty qwertz
rachel raiders rainbow ranger rangers raymond realmadrid rebecca rebel redrose redskin remember revolution richard
robert robin roland romance ronald root rosemary royal running russell russia sailor samantha samsung samuel sandra sara
sarah saturday saturn scheduler school scorpion scotland sebastian secret secure security september server service
shadow sharon shopping silver simon simple singapore sister skateboard skittles skywalker slipknot smile smith smokey
snoopy snowball snowboard snowflake snowman soccer softball software soldier something sophia sophie spain sparkle
special spider spiderman spirit spring staff standard star starfish starlight startrek starwars steelers stephanie
stephen steven stockholm stranger strawberry strong student sugar summer summertime sunday sunflower sunset sunshine
superman superstar superuser support susan svetlana sweden sweet sweetheart sweety swimming switzerland sydney sylvia
sysadmin system taylor teacher telephone temp temporary temppass teresa test tester testing testtest texas thanks
theresa thinking thomas thunder thursday tigger timothy tinkerbell titanic together tokyo tomorrow toor tornado toronto
tottenham toyota treasure triangle trouble trumpet trustno trustnoone tuesday turkey turtle twilight ukraine unicorn
universe user username vacation valentina valentine valerie vampire vancouver vanessa vanilla vegetable veronica victor
victoria victory vienna viking vincent violet virginia volcano walter warrior washington watermelon wedding wednesday
weekend welcome welcomehome wendy whatever whiskey wildcat william williams windows winner winter wizard wolf wonderful
wonderland yankees yellow zachary zaq
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
    "147258369",
    "147896325",
    "789456123",
    "159753",
    "159357",
    "!@#$%^&*()",
)
_RUNS = tuple(row for each in _ROWS for row in (each, each[::-1]))
_SAME = re.compile(r"(.)\1+", re.DOTALL)
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
        or any(map(_is_runs, (password, password[::-1], _SAME.sub(r"\1", password))))
        or _is_word(_core(password))
        or _is_about(name, password)
    )


def _is_repetition(password: str) -> bool:
    """True for a few characters over and over, with a short end of any kind."""
    return _REPEATED.fullmatch(password) is not None


def _is_runs(password: str) -> bool:
    """True if a few runs along a row of keys or the alphabet, either way, make all of it but for a short end."""
    rest = password
    for _ in range(RUNS_MAX):
        rest = rest[_run_length(rest) :]
    return rest != password and len(rest) <= RUNS_END_MAX


def _run_length(text: str) -> int:
    """How long the run is that it begins with, forwards or backwards; 0: with none."""
    return max((each for each in range(RUN_MIN, len(text) + 1) if _is_run(text[:each])), default=0)


def _is_run(text: str) -> bool:
    return any(text in row for row in _RUNS)


def _is_word(text: str) -> bool:
    return text in _WORDS or text.removesuffix("s") in _WORDS


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
