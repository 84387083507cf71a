"""Text as it is compared: without marks, case, punctuation and invisible letters."""

from __future__ import annotations

import functools
import re
import unicodedata

from khue.centre.fleet.rules import fold

_NOT_WORD = re.compile(r"[^0-9a-z]+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff\x00-\x08\x0e-\x1f\x7f]")
_SPACES = re.compile(r"[\s\u00a0\u3000]+")
# A letter that cannot be part of any text: the bytes were broken on the way.
UNREADABLE = re.compile("[\x00\ufffd\x01-\x08\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


@functools.lru_cache(maxsize=65536)
def words(text: str) -> str:
    """Folded words with single spaces: "Phường/Xã (cũ)" -> "phuong xa cu"."""
    return _NOT_WORD.sub(" ", fold(text)).strip()


def clean(text: str) -> str:
    """The text for people: composed letters, single spaces, nothing invisible."""
    if text.isprintable() and "  " not in text and (text.isascii() or unicodedata.is_normalized("NFC", text)):
        return text.strip()  # nearly every cell
    return _SPACES.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFC", text))).strip()
