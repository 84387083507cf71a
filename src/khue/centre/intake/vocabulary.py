"""The words agencies use in their lists, and what they mean to us: ``data/sheet_words.json``, folded (see ``plain.words``)."""

from __future__ import annotations

import functools
import importlib.resources

import msgspec

Meanings = dict[str, list[str]]


class Vocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Meaning -> phrases, per subject. The order of the meanings counts where a text holds phrases of several."""

    headings: Meanings
    life: Meanings
    yes: list[str]
    no: list[str]
    purpose: Meanings
    link: Meanings
    kind: Meanings
    mounting: Meanings
    disclosure: Meanings
    types: Meanings
    absent: list[str]
    compass: Meanings
    resolution: Meanings


@functools.cache
def vocabulary() -> Vocabulary:
    """The words as shipped."""
    data = importlib.resources.files("khue").joinpath("data", "sheet_words.json").read_bytes()
    return msgspec.json.decode(data, type=Vocabulary)


class Phrases:
    """Finds the meaning of a text by the longest known phrase in it."""

    def __init__(self, meanings: Meanings) -> None:
        self._lookup = {phrase: meaning for meaning, phrases in reversed(meanings.items()) for phrase in phrases}
        self._order = {meaning: rank for rank, meaning in enumerate(meanings)}
        self._longest = max(phrase.count(" ") + 1 for phrase in self._lookup)

    def exact(self, text: str) -> str | None:
        """The meaning of the whole folded text."""
        return self._lookup.get(text)

    def within(self, text: str) -> list[str]:
        """Meanings of the known phrases in a folded text, the longest phrase first; a word counts once."""
        tokens = text.split()[:40]
        taken = [False] * len(tokens)
        found: list[str] = []
        for size in range(min(self._longest, len(tokens)), 0, -1):
            for start in range(len(tokens) - size + 1):
                if any(taken[start : start + size]):
                    continue
                meaning = self._lookup.get(" ".join(tokens[start : start + size]))
                if meaning is not None:
                    taken[start : start + size] = [True] * size
                    found.append(meaning)
        return list(dict.fromkeys(found))

    def first(self, text: str) -> str | None:
        """The whole text's meaning, else the foremost (in the vocabulary's order) of those within it."""
        return self._lookup.get(text) or min(self.within(text), key=lambda meaning: self._order[meaning], default=None)
