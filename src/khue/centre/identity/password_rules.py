"""What makes a password acceptable. Pure: the regulation gives the numbers, this says what they mean.

The standard behind it is NIST SP 800-63B: length counts, classes of characters do not, and what everybody takes is refused.
"""

from __future__ import annotations

import functools
import importlib.resources
import unicodedata
from collections.abc import Iterator, Sequence

import msgspec

from khue.centre.errors import Invalid

_PLAIN = str.maketrans({"@": "a", "0": "o", "1": "i", "3": "e", "$": "s", "5": "s", "7": "t"})
_RUNS = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "0123456789")
_SHORT_NAME = 4  # letters; names shorter than this may occur in a password by chance


class PasswordRules(msgspec.Struct, frozen=True):
    """``passwords`` of the regulation in force. What it leaves out is as here."""

    min_length: int = 10
    max_age_days: int = 0  # 0: until somebody learns it
    history: int = 0  # so many earlier ones may not be taken again
    banned: tuple[str, ...] = ()  # words that may not be all there is to a password, such as the city's name
    second_factor_for: tuple[str, ...] = ()  # kinds of post, or rights, that need one
    second_factor_grace_days: int = 14  # after the account was made


def check_password(rules: PasswordRules, password: str, names: Sequence[str]) -> None:
    """Raises Invalid saying which rule it breaks. ``names``: the user name and the like, which say nothing new."""
    if len(password) < rules.min_length:
        raise Invalid(f"the password is too short; use at least {rules.min_length} characters")
    if len(password) > 1000:
        raise Invalid("the password is longer than 1000 characters")
    if len(set(password)) < 4:
        raise Invalid("the password repeats the same few characters; use several words")
    plain = _plain(password)
    if password.casefold() in _tried_first() or plain in _tried_first():
        raise Invalid("this password is one of those tried first; use several words of your own")
    if _letters_beside(password, (*rules.banned, *(name for name in names if len(name) >= _SHORT_NAME))) < _SHORT_NAME:
        raise Invalid("the password is little more than a name or a word that is tried first; use several words")
    if any(_is_run(plain, run) for run in _RUNS):
        raise Invalid("the password is a row of keys; use several words")


def _plain(text: str) -> str:
    """Without case, accents, and the digits people write for letters; spaces and dashes say nothing."""
    return "".join(mark for mark, _ in _marks(text))


def _marks(text: str) -> Iterator[tuple[str, bool]]:
    """Of ``_plain``, each with whether it was a letter to begin with."""
    for mark in unicodedata.normalize("NFD", text.casefold()).replace("đ", "d"):
        plain = mark.translate(_PLAIN)
        if plain.isalnum():
            yield plain, mark.isalpha()


def _letters_beside(password: str, words: Sequence[str]) -> int:
    """How many letters a password has beside these words; a large number when it has none of them."""
    marks = list(_marks(password))
    plain = "".join(mark for mark, _ in marks)
    covered = [False] * len(marks)
    for word in filter(None, map(_plain, words)):
        at = plain.find(word)
        while at >= 0:
            covered[at : at + len(word)] = [True] * len(word)
            at = plain.find(word, at + 1)
    if not any(covered):
        return len(password)
    return sum(letter and not hidden for (_, letter), hidden in zip(marks, covered, strict=True))


def _is_run(plain: str, run: str) -> bool:
    forward = (run * (len(plain) // len(run) + 2)).translate(_PLAIN)
    return plain in forward or plain in forward[::-1]


@functools.cache
def _tried_first() -> frozenset[str]:
    text = importlib.resources.files("khue.data").joinpath("passwords_tried_first.txt").read_text(encoding="utf-8")
    return frozenset(text.split()) | frozenset(_plain(word) for word in text.split())
