"""Filters: what they read, what they refuse, and the SQL they become."""

from __future__ import annotations

import datetime as dt
import re
import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khue.centre.errors import Invalid
from khue.centre.fleet.rules import fold
from khue.centre.inventory.filters import Box, Filter, parse, parse_time, unparse, where, words
from khue.centre.inventory.past import source
from khue.model.registry import Life, Purpose

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0,", exclude_categories=("Cs",)), max_size=30)
_WORDS = st.lists(_TEXT.map(str.strip).filter(bool), max_size=3, unique=True).map(tuple)


def _instant(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


_FILTERS = st.builds(
    Filter,
    q=_TEXT.map(str.strip),
    unit=_WORDS,
    vendor=_WORDS,
    life=st.lists(st.sampled_from([str(life) for life in Life]), unique=True, max_size=3).map(tuple),
    purpose=st.lists(st.sampled_from([*map(str, Purpose), "none"]), unique=True, max_size=3).map(tuple),
    seen=st.lists(st.sampled_from(["yes", "no", "unknown"]), unique=True).map(tuple),
    state=st.lists(st.sampled_from(["recording", "unreachable", "disabled", "none"]), unique=True).map(tuple),
    consent=st.lists(st.sampled_from(["missing", "expired"]), unique=True).map(tuple),
    box=st.none() | st.just(Box(105.5, 20.5, 106.0, 21.5)),
    asof=st.none() | st.integers(0, 2**32).map(_instant),
)


@given(_FILTERS)
def test_a_filter_is_read_back_from_its_query(wanted: Filter) -> None:
    assert parse(unparse(wanted)) == wanted


@given(_FILTERS, st.integers(1, 9))
def test_every_argument_has_its_place(wanted: Filter, first: int) -> None:
    try:
        condition, arguments = where(wanted, first)
    except Invalid:
        assert len(fold(wanted.q).split()) > 16
        return
    places = {int(place) for place in re.findall(r"\$(\d+)", condition)}
    assert places == set(range(first, first + len(arguments)))
    assert "c.deleted is null" in condition


@given(_FILTERS)
def test_text_never_becomes_sql(wanted: Filter) -> None:
    marked = Filter(q="zzmark", unit=("zzmark",), vendor=("zzmark",), state=wanted.state, asof=wanted.asof)
    rows_from, condition, arguments = source(marked, measured=True)
    assert "zzmark" not in rows_from + condition and any("zzmark" in str(argument) for argument in arguments)


@pytest.mark.parametrize(
    ("query", "words_of_it"),
    [
        ({"colour": "red"}, "no filter"),
        ({"life": "operating,dead"}, "life is 'dead'"),
        ({"seen": "maybe"}, "seen is"),
        ({"box": "1,2,3,x"}, "west,south,east,north"),
        ({"box": "1,2,3,inf"}, "west,south,east,north"),
        ({"q": "x" * 501}, "at most 500"),
        ({"unit": ",".join(map(str, range(501)))}, "at most 500"),
        ({"unit": "a\0"}, "at most"),
        ({"asof": "2026-13-01"}, "2026-01-31"),
        ({"asof": "0001-01-01T00:00:00+07:00"}, "2026-01-31"),
    ],
)
def test_a_wrong_filter_says_what_is_wrong(query: dict[str, str], words_of_it: str) -> None:
    with pytest.raises(Invalid, match=re.escape(words_of_it)):
        parse(query)


def test_an_empty_value_asks_for_nothing() -> None:
    assert parse({"q": " ", "unit": "", "box": "", "asof": ""}) == Filter()


def test_a_date_is_the_end_of_that_day_in_hanoi() -> None:
    assert parse_time("asof", "2026-01-31") == dt.datetime(2026, 1, 31, 16, 59, 59, 999_999, dt.UTC)
    assert parse_time("asof", "2026-01-31T08:00:00+07:00") == dt.datetime(2026, 1, 31, 1, tzinfo=dt.UTC)


@given(st.text(max_size=60))
def test_marks_and_case_and_order_of_letters_do_not_matter(text: str) -> None:
    try:
        expected = words(text)
    except Invalid:
        return
    for form in ("NFC", "NFD"):
        assert words(unicodedata.normalize(form, text)) == expected
    plain = string.ascii_letters + string.digits
    assert all(word for word in expected) and len(expected) == len(set(expected))
    assert [len(word) for word in expected if set(word) <= set(plain)] == sorted(
        (len(word) for word in expected if set(word) <= set(plain)), reverse=True
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Đường Láng", ["duong", "lang"]),
        ("HÒA hoà hoa", ["hoa"]),
        ("50%", ["50\\%"]),
        ("a_b", ["a\\_b"]),
        ("\\", ["\\\\"]),
        ("  ", []),
    ],
)
def test_words_are_ready_for_like(text: str, found: list[str]) -> None:
    assert words(text) == found
