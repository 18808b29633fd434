"""Names that people can tell apart: one spelling of each, and nothing in it that cannot be seen.

A name may be written in any script. Two that look alike because letters of different scripts do are two names; what
is refused is only what shows nothing, or makes what stands beside it look like something else (Unicode TR 36).
"""

from unicodedata import category, name, normalize

# Controls, format characters (zero-width ones and those that turn the direction of text), halves of characters, lines.
_UNSEEN_KINDS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_BLANKS = frozenset(" \u3000")
# Letters and marks without ink: joiners and fillers of some scripts, and an empty pattern of Braille.
_INKLESS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SELECTORS = frozenset(
    (*map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0)), *"\u180b\u180c\u180d\u180f")
)
# Of which pictures are made: the one asks for colours, the other joins several.
_COLOURED, _JOINER = "\ufe0f", "\u200d"
_OF_PICTURES = frozenset({"So", "Sk"})


def normal(text: str) -> str:
    """The text in normal form NFC, in which a letter and its accents are one, where there is such a one."""
    return text if text.isascii() else normalize("NFC", text)


def unseen_in(text: str) -> int | None:
    """The place of the first character that no name may have; None: there is none."""
    if text.isascii() and text.isprintable():
        return None
    return next((place for place in range(len(text)) if _is_unseen(text, place)), None)


def told(character: str) -> str:
    """A character that cannot be shown, in words: `U+200B (zero width space)`."""
    known = name(character, "").lower()
    return f"U+{ord(character):04X}" + (f" ({known})" if known else "")


def _is_unseen(text: str, place: int) -> bool:
    character = text[place]
    if character in (_COLOURED, _JOINER) and _is_in_picture(text, place):
        return False
    kind = category(character)
    is_odd_blank = kind == "Zs" and character not in _BLANKS
    return kind in _UNSEEN_KINDS or is_odd_blank or character in _INKLESS or character in _SELECTORS


def _is_in_picture(text: str, place: int) -> bool:
    before, after = text[:place].rstrip(_COLOURED)[-1:], text[place + 1 : place + 2]
    is_behind = before != "" and category(before) in _OF_PICTURES
    joins = text[place] == _COLOURED or (after != "" and category(after) in _OF_PICTURES)
    return is_behind and joins and text[place - 1 : place] != text[place]
