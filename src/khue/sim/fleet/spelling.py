"""How Vietnamese text is really stored: composed or not, tone marks in the old place, and the byte encodings of before Unicode.

TCVN3 (TCVN 5712:1993, "ABC" fonts) and VNI (VNI for Windows) live on in spreadsheets as Latin letters that only their
fonts show as Vietnamese. Tables: TCVN 5712-1 as in glibc; VNI as published by its authors.
"""

from __future__ import annotations

import enum
import functools
import re
import unicodedata

# Each vowel with the tones grave, acute, hook, tilde, dot, and đ: as Unicode, as TCVN3 bytes, as VNI letters.
_LETTERS = (
    (
        "àáảãạăằắẳẵặâầấẩẫậđ",
        "b5b8b6b7b9a8bbbebcbdc6a9c7cac8c9cbae",
        "aø aù aû aõ aï aê aè aé aú aü aë aâ aà aá aå aã aä ñ",
    ),
    ("èéẻẽẹêềếểễệìíỉĩị", "ccd0cecfd1aad2d5d3d4d6d7ddd8dcde", "eø eù eû eõ eï eâ eà eá eå eã eä ì í æ ó ò"),
    ("òóỏõọôồốổỗộơờớởỡợ", "dfe3e1e2e4abe5e8e6e7e9aceaedebecee", "oø où oû oõ oï oâ oà oá oå oã oä ô ôø ôù ôû ôõ ôï"),
    ("ùúủũụưừứửữựỳýỷỹỵ", "eff3f1f2f4adf5f8f6f7f9fafdfbfcfe", "uø uù uû uõ uï ö öø öù öû öõ öï yø yù yû yõ î"),
)
_TCVN3 = {
    letter: chr(code)
    for letters, codes, _ in _LETTERS
    for letter, code in zip(letters, bytes.fromhex(codes), strict=True)
}
# Other capitals with a mark have no code of their own: the small letter is taken, in a font of capitals.
_TCVN3 |= dict(zip("ĂÂĐÊÔƠƯ", "¡¢§£¤¥¦", strict=True))
_VNI = {
    letter: typed
    for letters, _, all_typed in _LETTERS
    for letter, typed in zip(letters, all_typed.split(), strict=True)
}
_VNI |= {small.upper(): letters.upper() for small, letters in _VNI.items()}
_TONES = {"̀", "́", "̃", "̉", "̣"}
_OLD_PLACE = re.compile(r"([òóỏõọÒÓỎÕỌ])([aeAE])\b|([ùúủũụÙÚỦŨỤ])([yY])\b")


class Spelling(enum.StrEnum):
    """One per book: whoever keeps it uses one keyboard program."""

    COMPOSED = "composed"
    DECOMPOSED = "decomposed"  # NFD, as some phones and Macs write
    OTHER_PLACE = "other place"  # hoà for hòa, thuỷ for thủy
    TCVN3 = "tcvn3"
    VNI = "vni"
    CP1258 = "cp1258"  # Windows' own: a base letter with its hat, then the tone mark

    def write(self, text: str) -> str:
        """``text`` (NFC) as the characters a cell holds."""
        match self:
            case Spelling.DECOMPOSED:
                return unicodedata.normalize("NFD", text)
            case Spelling.OTHER_PLACE:
                return _other_place(text)
            case Spelling.TCVN3:
                return "".join(_TCVN3.get(letter) or _TCVN3.get(letter.lower(), letter) for letter in text)
            case Spelling.VNI:
                return "".join(_VNI.get(letter, letter) for letter in text)
            case Spelling.CP1258:
                return "".join(_cp1258(letter) for letter in text)
        return text

    def read(self, text: str) -> str:
        """What a right reader makes of ``write(text)``: NFC; TCVN3 has lost which letters with a tone were capitals."""
        match self:
            case Spelling.OTHER_PLACE:
                return _other_place(text)
            case Spelling.TCVN3:
                return "".join(
                    letter.lower() if letter.lower() in _TCVN3 and letter not in _TCVN3 else letter for letter in text
                )
        return text


def _other_place(text: str) -> str:
    return _OLD_PLACE.sub(lambda found: _move(found[1] or found[3], found[2] or found[4]), text)


def _move(first: str, second: str) -> str:
    base, tone = list(unicodedata.normalize("NFD", first))
    return base + unicodedata.normalize("NFC", second + tone)


def _cp1258(letter: str) -> str:
    parts = unicodedata.normalize("NFD", letter)
    if letter.isascii() or len(parts) == 1:
        return letter
    tone = "".join(mark for mark in parts if mark in _TONES)
    return unicodedata.normalize("NFC", "".join(mark for mark in parts if mark not in _TONES)) + tone


def fold(text: str) -> str:
    """Lower case without marks, as people search."""
    return unicodedata.normalize("NFD", text.casefold().replace("đ", "d")).encode("ascii", "ignore").decode()


@functools.cache
def slug(text: str) -> str:
    """``Công an phường Kim Liên`` -> ``cong-an-phuong-kim-lien``."""
    return re.sub(r"[^a-z0-9]+", "-", fold(text)).strip("-")
