"""Dates as people type them in Vietnam: day first, months without a day, years, quarters, serial numbers of spreadsheets."""

from __future__ import annotations

import datetime
import re

import msgspec

from khue.centre.intake.plain import words

_FIRST_YEAR, _LAST_YEAR = 1985, 2079
_DAY_ZERO = datetime.date(1899, 12, 30)
_DAY_FIRST = re.compile(
    r"(?:ngày\s*)?([0-9]{1,2})\s*[/.\-\\ ]\s*([0-9]{1,2})\s*[/.\-\\ ]\s*([0-9]{4}|[0-9]{2})(?:[ T,]+[0-9]{1,2}[:h].*)?",
    re.IGNORECASE,
)
_YEAR_FIRST = re.compile(r"([0-9]{4})\s*[/.\-]\s*([0-9]{1,2})\s*[/.\-]\s*([0-9]{1,2})(?:[ T].*)?")
_WORDS = re.compile(r"(?:ngay )?([0-9]{1,2}) thang ([0-9]{1,2}) nam ([0-9]{4})")
_MONTH = re.compile(r"(?:(?:thang|t) ?)?([0-9]{1,2}) (?:nam )?([0-9]{4})")
_YEAR_MONTH = re.compile(r"([0-9]{4}) ([0-9]{1,2})")
_QUARTER = re.compile(r"(?:quy|q) ?(iv|i{1,3}|[1-4]) (?:nam )?([0-9]{4})")
_YEAR = re.compile(r"(?:nam |tu nam )?((?:19|20)[0-9]{2})")
_MONTHS = re.compile(r"([0-9]{1,3}) ?(thang|t|nam|months?|years?)")
_ENGLISH = re.compile(r"([0-9]{1,2}) ?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* ([0-9]{4}|[0-9]{2})")
_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4}


class Day(msgspec.Struct, frozen=True):
    """A date, or None when the text means one that does not exist; ``note`` says what was guessed."""

    date: datetime.date | None
    note: str = ""


def read_day(cell: object) -> Day | None:
    """The date a cell means; None when it means none at all."""
    if isinstance(cell, datetime.datetime):
        return _checked(cell.date())
    if isinstance(cell, datetime.date):
        return _checked(cell)
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return None
    if isinstance(cell, int | float):
        return _from_number(float(cell))
    text = cell.strip()
    if text.isdecimal() and len(text) < 9:
        return _from_digits(text)
    return _from_text(text)


def _from_text(text: str) -> Day | None:
    if found := _DAY_FIRST.fullmatch(text):
        return _of(int(found.group(1)), int(found.group(2)), _full_year(found.group(3)))
    if found := _YEAR_FIRST.fullmatch(text):
        return _of(int(found.group(3)), int(found.group(2)), int(found.group(1)), turn=False)
    plain = words(text)
    if found := _WORDS.fullmatch(plain):
        return _of(int(found.group(1)), int(found.group(2)), int(found.group(3)), turn=False)
    if found := _ENGLISH.fullmatch(plain):
        return _of(int(found.group(1)), _NAMES.index(found.group(2)) + 1, _full_year(found.group(3)), turn=False)
    if found := _QUARTER.fullmatch(plain):
        quarter = _ROMAN.get(found.group(1)) or int(found.group(1))
        return _partial(3 * quarter - 2, int(found.group(2)))
    if found := _MONTH.fullmatch(plain):
        return _partial(int(found.group(1)), int(found.group(2)))
    if found := _YEAR_MONTH.fullmatch(plain):
        return _partial(int(found.group(2)), int(found.group(1)))
    found = _YEAR.fullmatch(plain)
    return _partial(1, int(found.group(1))) if found else None


def read_span(text: str) -> int | None:
    """Months of a span such as "24 tháng" or "2 năm"."""
    found = _MONTHS.fullmatch(words(text))
    if found is None:
        return None
    count = int(found.group(1)) * (12 if found.group(2) in ("nam", "year", "years") else 1)
    return count if 0 < count <= 240 else None


def after_months(day: datetime.date, months: int) -> datetime.date:
    """The same day that many months later, or the month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        if (found := _date(last, month + 1, year)) is not None:
            return found
    return day


def _from_number(number: float) -> Day | None:
    if number.is_integer() and _FIRST_YEAR <= number <= _LAST_YEAR:
        return _partial(1, int(number))
    if 31_000 <= number < 66_000:  # 1984 to 2080
        return _checked(_DAY_ZERO + datetime.timedelta(days=int(number)), "serial_date")
    return _from_digits(str(int(number))) if number.is_integer() and number > 0 else None


def _from_digits(text: str) -> Day | None:
    if len(text) == 4 and _FIRST_YEAR <= int(text) <= _LAST_YEAR:
        return _partial(1, int(text))
    if len(text) == 5 and 31_000 <= int(text) < 66_000:
        return _checked(_DAY_ZERO + datetime.timedelta(days=int(text)), "serial_date")
    if len(text) == 8 and _FIRST_YEAR <= int(text[:4]) <= _LAST_YEAR and int(text[4:6]) <= 12:
        return _of(int(text[6:]), int(text[4:6]), int(text[:4]), turn=False)
    if len(text) in (7, 8):
        text = text.zfill(8)
        return _of(int(text[:2]), int(text[2:4]), int(text[4:]))
    return None


def _of(day: int, month: int, year: int, *, turn: bool = True) -> Day:
    found = _date(day, month, year)
    if found is not None:
        return _checked(found)
    turned = _date(month, day, year) if turn and day <= 12 < month else None
    return _checked(turned, "day_month_turned") if turned is not None else Day(None)


def _partial(month: int, year: int) -> Day:
    found = _date(1, month, year)
    return Day(None) if found is None else _checked(found, "date_partial")


def _checked(day: datetime.date, note: str = "") -> Day:
    return Day(day, note) if _FIRST_YEAR <= day.year <= _LAST_YEAR else Day(None)


def _date(day: int, month: int, year: int) -> datetime.date | None:
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None


def _full_year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else (2000 + year if year < 80 else 1900 + year)
