"""The books a row is read by: units, types of camera, and the words agencies use."""

from __future__ import annotations

import difflib
import functools
import importlib.resources

import msgspec

from khue.centre.intake.agencies import Agency, agency_id, agency_of, read_agency
from khue.centre.intake.plain import words
from khue.centre.intake.units import Units, load_units
from khue.centre.intake.vocabulary import Phrases, Vocabulary, vocabulary

__all__ = ["Agency", "Books", "agency_id", "agency_of", "load", "read_agency"]


class _Type(msgspec.Struct):
    brand: str
    family: str


class Types:
    """The 33 types by whatever way their brand is spelled."""

    def __init__(self, types: list[_Type], spellings: dict[str, list[str]]) -> None:
        self._family = {one.brand: one.family for one in types}
        self._brands = {words(one.brand): one.brand for one in types}
        for brand, ways in spellings.items():
            self._brands.update(dict.fromkeys(ways, brand))
        self._joined = {name.replace(" ", ""): brand for name, brand in self._brands.items()}
        self._long = [name for name in self._joined if len(name) >= 5]

    @property
    def brands(self) -> frozenset[str]:
        return frozenset(self._family)

    def find(self, text: str) -> tuple[str, str, int] | None:
        """(brand, family, how many of the text's words are the brand) of the brand a text begins with; None for an unknown one."""
        tokens = words(text).split()
        for size in range(min(5, len(tokens)), 0, -1):
            name = " ".join(tokens[:size])
            brand = self._brands.get(name) or self._joined.get(name.replace(" ", ""))
            if brand is not None:
                return brand, self._family[brand], size
        if tokens and len(tokens[0]) >= 5:
            close = difflib.get_close_matches(tokens[0], self._long, n=1, cutoff=0.86)
            if close:
                brand = self._joined[close[0]]
                return brand, self._family[brand], 1
        return None


class Books(msgspec.Struct, frozen=True):
    """Everything that turns words into the registry's values."""

    units: Units
    types: Types
    purposes: Phrases
    links: Phrases
    lives: Phrases
    mountings: Phrases
    kinds: Phrases
    disclosures: Phrases
    answers: Phrases  # yes, no
    compass: Phrases
    resolutions: Phrases
    absent: frozenset[str]


@functools.cache
def load() -> Books:
    """The books as shipped with the product."""
    said: Vocabulary = vocabulary()
    data = importlib.resources.files("khue").joinpath("data", "adapter_catalogue.json").read_bytes()
    return Books(
        units=load_units(),
        types=Types(msgspec.json.decode(data, type=list[_Type]), said.types),
        purposes=Phrases(said.purpose),
        links=Phrases(said.link),
        lives=Phrases(said.life),
        mountings=Phrases(said.mounting),
        kinds=Phrases(said.kind),
        disclosures=Phrases(said.disclosure),
        answers=Phrases({"yes": said.yes, "no": said.no}),
        compass=Phrases(said.compass),
        resolutions=Phrases(said.resolution),
        absent=frozenset(said.absent),
    )
