"""Vietnamese as it was typed before Unicode: TCVN3 (ABC fonts, .VnTime), VNI (VNI-Times), and UTF-8 read twice.

In a workbook such text is a string of Latin-1 letters that only the right font shows as Vietnamese: "Ph\\xadêng", "Phöôøng". Which
encoding it is, is decided by what makes Vietnamese syllables of most words of a column, then of a table.
TCVN3 after TCVN 5712:1993, part 1 (as glibc's TCVN5712-1); VNI after the VNI-Times (Windows) table.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable

_TCVN3_FROM_A1 = "".join(
    (
        "ĂÂÊÔƠƯĐăâêôơưđẰ\u0300\u0309\u0303\u0301\u0323àảãáạẲằẳẵắẴẮẦẨẪẤỀặầẩẫấậèỂẻẽéẹềểễếệìỉỄẾỒĩíịòỔ",
        "ỏõóọồổỗốộờởỡớợùỖủũúụừửữứựỳỷỹýỵỐ",
    )
)
# Capitals with a tone: part 1 of the standard puts them where control characters are; the ABC fonts have none at all.
_TCVN3_CAPITALS = {
    0x01: "Ú", 0x02: "Ụ", 0x04: "Ừ", 0x05: "Ử", 0x06: "Ữ", 0x11: "Ứ", 0x12: "Ự", 0x13: "Ỳ", 0x14: "Ỷ", 0x15: "Ỹ", 0x16: "Ý",
    0x17: "Ỵ",
    **{0x80 + index: letter for index, letter in enumerate("ÀẢÃÁẠẶẬÈẺẼÉẸỆÌỈĨÍỊÒỎÕÓỌỘỜỞỠỚỢÙỦŨ")},
}  # fmt: skip
_TCVN3 = {0xA1 + index: letter for index, letter in enumerate(_TCVN3_FROM_A1)} | _TCVN3_CAPITALS
for _code in range(0xB0, 0xB5):
    del _TCVN3[_code]  # combining marks no font has; "°" is a degree
_TO_TCVN3 = {letter: chr(code) for code, letter in _TCVN3.items()}
# Codes of capitals with a tone among the letters. Few fonts have them, and in Unicode they are "à", "Â", "Ú": weak evidence.
_TCVN3_WEAK = frozenset(chr(code) for code, letter in _TCVN3.items() if code > 0xAE and letter.isupper())

# VNI: a letter that stands alone, and a vowel followed by a mark. Upper and lower case have the same shape 0x20 apart.
_VNI_ALONE = {"ñ": "đ", "ô": "ơ", "ö": "ư", "í": "í", "ì": "ì", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ"}
_VNI_MARKS = {
    "ù": "\u0301", "ø": "\u0300", "û": "\u0309", "õ": "\u0303", "ï": "\u0323", "â": "\u0302", "á": "\u0302\u0301",
    "à": "\u0302\u0300", "å": "\u0302\u0309", "ã": "\u0302\u0303", "ä": "\u0302\u0323", "ê": "\u0306", "é": "\u0306\u0301",
    "è": "\u0306\u0300", "ú": "\u0306\u0309", "ü": "\u0306\u0303", "ë": "\u0306\u0323",
}  # fmt: skip
_VNI_TAKES = {
    "a": "ùøûõïâáàåãäêéèúüë",
    "e": "ùøûõïâáàåãä",
    "o": "ùøûõïâáàåãä",
    "u": "ùøûõï",
    "y": "ùøûõ",
    "ô": "ùøûõï",
    "ö": "ùøûõï",
}


def _vni_table() -> dict[str, str]:
    table = {}
    for base, marks in _VNI_TAKES.items():
        for mark in marks:
            letter = unicodedata.normalize("NFC", _VNI_ALONE.get(base, base) + _VNI_MARKS[mark])
            table[base + mark] = table[base + mark.upper()] = letter
            table[base.upper() + mark] = table[base.upper() + mark.upper()] = letter.upper()
    for code, letter in _VNI_ALONE.items():
        table[code], table[code.upper()] = letter, letter.upper()
    return table


_VNI = _vni_table()
_VNI_PLACES = re.compile("|".join(sorted(_VNI, key=len, reverse=True)))
_TO_VNI = {letter: code for code, letter in reversed(_VNI.items()) if code.islower() or code.isupper()}

_ABOVE_ASCII = re.compile(r"[\x80-\uffff]")
# Letters of Vietnamese that Latin-1 has not: a text with one of them is Unicode already.
_UNICODE_ONLY = re.compile(
    r"[\u0102\u0103\u0110\u0111\u0128\u0129\u0168\u0169\u01a0\u01a1\u01af\u01b0\u0300-\u0323\u1ea0-\u1ef9\ufffd]"
)
# Words with a mark; a sign alone ("×", "§") says nothing.
_WORD = re.compile(r"[A-Za-z]+[\x80-\uffff][A-Za-z\x80-\uffff]*|[\x80-\uffff][A-Za-z\x80-\uffff]+")
_SYLLABLE = re.compile(
    r"(?:ngh|ng|gh|gi|kh|nh|ph|qu|th|tr|ch|[bcdđghklmnpqrstvx])?"
    r"(?:iêu|yêu|oai|oay|oeo|uây|uôi|ươi|ươu|uya|uyu|uyê|iê|yê|ia|ua|ưa|uô|ươ|oa|oă|oe|oo|uâ|uê|uơ|uy|ai|ao|au|ay|âu|ây|eo|êu"
    r"|iu|oi|ôi|ơi|ui|ưi|ưu|a|ă|â|e|ê|i|o|ô|ơ|u|ư|y)"
    r"(?:ng|nh|ch|[cmnpt])?"
)
_TONES = re.compile("[\u0300\u0301\u0303\u0309\u0323]")


def decode_tcvn3(text: str) -> str:
    """Latin-1 letters of a TCVN3 font -> Unicode. The fonts have no capitals with a tone: "PH¦êNG" is "PHƯờNG", which is mended."""
    return _WHOLE_WORD.sub(_capitals, unicodedata.normalize("NFC", text.translate(_TCVN3)))


_CONTROL = re.compile("[A-Za-z][\x01\x02\x04-\x06\x11-\x17]")
_WHOLE_WORD = re.compile(r"[^\W\d_]+")
_ASCII_SMALL = re.compile("[a-z]")
_ASCII_CAPITAL = re.compile("[A-Z]")


def _capitals(found: re.Match[str]) -> str:
    """A word whose plain letters are capitals, two at least, is all capitals; of shorter ones the line decides."""
    word = found.group()
    if word.isupper() or word.islower() or _ASCII_SMALL.search(word):
        return word
    context = found.string if len(_ASCII_CAPITAL.findall(word)) < 2 else word
    shouted = not _ASCII_SMALL.search(context) and len(_ASCII_CAPITAL.findall(context)) >= 2
    return word.upper() if shouted else word


def decode_vni(text: str) -> str:
    """Latin-1 letters of a VNI font -> Unicode."""
    return unicodedata.normalize("NFC", _VNI_PLACES.sub(lambda found: _VNI[found.group()], text))


def decode_utf8_twice(text: str) -> str:
    """UTF-8 that somebody read as Windows-1252 ("PhÆ°á»\\x9dng"); unchanged when it is no such text."""
    try:
        return unicodedata.normalize("NFC", bytes(_byte_of(letter) for letter in text).decode())
    except (UnicodeError, ValueError):
        return text


def encode_tcvn3(text: str) -> str:
    """The inverse of ``decode_tcvn3``; capitals with a tone become small letters, as in the fonts."""
    return "".join(_TO_TCVN3.get(letter, letter) for letter in unicodedata.normalize("NFC", text))


def encode_vni(text: str) -> str:
    """The inverse of ``decode_vni``."""
    return "".join(_TO_VNI.get(letter, letter) for letter in unicodedata.normalize("NFC", text))


DECODERS: dict[str, Callable[[str], str]] = {
    "tcvn3": decode_tcvn3,
    "vni": decode_vni,
    "utf8_twice": decode_utf8_twice,
}


@functools.lru_cache(maxsize=65536)
def is_syllable(word: str) -> bool:
    """Whether a word could be Vietnamese: at most one tone, and an onset, nucleus and coda the language has."""
    decomposed = unicodedata.normalize("NFD", word.casefold())
    plain, tones = _TONES.subn("", decomposed)
    return tones <= 1 and _SYLLABLE.fullmatch(unicodedata.normalize("NFC", plain)) is not None


def score(text: str, encoding: str) -> int:
    """How Vietnamese the text is when read so: words with marks that are syllables, minus those that are not."""
    if encoding == "unicode":
        return sum(_worth(word) for word in _WORD.findall(text))
    read = DECODERS[encoding](text)
    if read == text:
        return -1
    if encoding == "utf8_twice":
        return 2 * sum(_worth(word) for word in _WORD.findall(read))
    decode = DECODERS[encoding]
    weak = _TCVN3_WEAK if encoding == "tcvn3" else frozenset()
    words = _WORD.findall(text)
    return sum(min(_worth(decode(word)), 0 if weak.intersection(word) else 1) for word in words)


def weigh(texts: Iterable[str]) -> dict[str, int]:
    """Encoding -> how Vietnamese these texts are when read so. Unicode comes first, for whoever asks for the best."""
    totals = dict.fromkeys(("unicode", *DECODERS), 0)
    for text in texts:
        if is_doubtful(text):
            for encoding in totals:
                totals[encoding] += score(text, encoding)
        elif not text.isascii():
            totals["unicode"] += len(_WORD.findall(text))
    return totals


def repaired(text: str, usual: str) -> str:
    """The text in Unicode. ``usual``: how the rest of its column is written, which decides where the text itself does not."""
    if not is_doubtful(text):
        return text
    plain = score(text, "unicode")
    if usual in DECODERS and score(text, usual) >= plain:
        return DECODERS[usual](text)
    best = max(DECODERS, key=lambda name: score(text, name))
    return DECODERS[best](text) if score(text, best) >= max(1, plain + _CLEARLY) else text


_CLEARLY = 2  # one word that is no syllable before and is one after


def has_marks(text: str) -> bool:
    """Whether a text has anything but plain letters: marks, or the control characters that are capitals in TCVN3."""
    return not text.isascii() or (not text.isprintable() and _CONTROL.search(text) is not None)


def is_doubtful(text: str) -> bool:
    """Whether a text has marks that could be of a legacy encoding."""
    return has_marks(text) and _UNICODE_ONLY.search(text) is None


def _worth(word: str) -> int:
    return 1 if is_syllable(word) else -1


def _byte_of(letter: str) -> int:
    code = ord(letter)
    return code if code < 256 else letter.encode("cp1252")[0]
