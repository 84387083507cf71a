"""What one cell says about one field. Pure functions of the cell, its column and the books; so they can be remembered."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import NamedTuple

from khue.centre.intake.books import Books
from khue.centre.intake.dates import read_day, read_span
from khue.centre.intake.network import read_host, read_mac, read_stream
from khue.centre.intake.numerals import number, rest
from khue.centre.intake.plain import clean, words
from khue.centre.intake.table import Cell
from khue.model.address import redact

# A field a reader hands on to the row: months of a warranty.
SPAN = "warranty_months"

_YES_SIGNS = frozenset("✓✔☑√●■✅×☒")
_NO_SIGNS = frozenset("✗✘☐❌□○")
_WORKS = {"operating": True, "faulty": False, "under_repair": False, "suspended": False, "removed": False}
_DIGIT = re.compile("[0-9]")
_NEGATED = re.compile(r"(?:khong|chua|ngung|mat|het|dut|hong)\b")
_SIZE = re.compile(r"([0-9]{3,5})\s*[x×*X]\s*([0-9]{3,5})")
_NOMINAL = (0.3, 1.0, 1.3, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 16.0, 20.0, 24.0, 32.0)
_CLOCK = re.compile(
    r"([0-9]{1,2})\s*(?:(?:h|:|g|giờ|gio|\.)\s*([0-9]{1,2})?)?\s*(?:phút|phut|p\b|')?\s*(am|pm|sáng|chiều|tối|đêm)?",
    re.IGNORECASE,
)
_PERIOD = re.compile(
    r"([0-9]{1,2}\s*(?:h|:|g|giờ|gio)\s*[0-9]{0,2}|[0-9]{1,2})\s*(?:phút)?\s*(?:-|–|—|đến|den|tới|toi|to|~|→|/)+\s*"
    r"([0-9]{1,2}\s*(?:h|:|g|giờ|gio)?\s*[0-9]{0,2})",
    re.IGNORECASE,
)
_PERSON = re.compile(
    r"\b((?:ông|bà|anh|chị|cô|chú|bác|hộ|gia đình)\s+(?:(?:ông|bà|anh|chị)\s+)?"
    r"[A-ZĐÀ-Ỹ][^\s,;()0-9]*(?:\s+[A-ZĐÀ-Ỹ][^\s,;()0-9]*){0,4})"
)
_TELEPHONE = re.compile(r"(?:\+?84|0)[0-9](?:[ .\-]?[0-9]){7,9}")
_LOGIN = re.compile(r"\s*([^\s/:|;,]+)\s*[/:|;,\s]\s*(\S+)\s*")


class Column(NamedTuple):
    """A mapped column: where it stands, what it is, and the heading's folded words."""

    at: int
    letter: str
    field: str
    heading: str
    plain: str


class Said(NamedTuple):
    """Values by field, the code of a problem or "", notes' codes; ``kept``: the text goes to the note, nobody understood it."""

    values: tuple[tuple[str, object], ...] = ()
    problem: str = ""
    notes: tuple[str, ...] = ()
    kept: bool = False
    more: tuple[str, str] = ("", "")


NOTHING = Said()
_KEPT = Said(kept=True, notes=("kept_in_note",))
Reader = Callable[[Cell, Column, Books], Said]


def is_absent(text: str, books: Books) -> bool:
    """Whether a text says that nobody knows: "-", "n/a", "chưa có"."""
    if len(text) > 24 or _DIGIT.search(text):
        return False
    plain = words(text)
    return plain == "" or plain in books.absent


def text_of(cell: Cell) -> str:
    """A cell as text for people; whole numbers without a point."""
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, datetime.datetime | datetime.date):
        return f"{cell.day:02}/{cell.month:02}/{cell.year}"
    return "" if cell is None else str(cell)


def read_text(cell: Cell, column: Column, books: Books) -> Said:
    text = text_of(cell)
    if "://" in text:
        text = redact(text)  # a link among the remarks
    return NOTHING if is_absent(text, books) else Said(((column.field, text),))


def read_identity(cell: Cell, column: Column, books: Books) -> Said:
    """Serial numbers and codes: a number of sixteen digits or more has lost some in the spreadsheet."""
    if isinstance(cell, float) or (
        isinstance(cell, str) and re.fullmatch(r"[0-9],?\.?[0-9]*[eE]\+[0-9]{1,3}", cell.strip())
    ):
        value = float(cell.replace(",", ".")) if isinstance(cell, str) else cell
        if abs(value) >= 1e15 or isinstance(cell, str):
            return Said(notes=("digits_lost",))
    return read_text(cell, column, books)


def read_secret(cell: Cell, column: Column, books: Books) -> Said:
    """A password is taken letter by letter."""
    text = cell.strip() if isinstance(cell, str) else text_of(cell)
    return Said(((column.field, text),)) if text and text not in ("-", "--") else NOTHING


def read_login(cell: Cell, column: Column, books: Books) -> Said:
    found = _LOGIN.fullmatch(cell) if isinstance(cell, str) else None
    return Said((("username", found.group(1)), ("password", found.group(2)))) if found else NOTHING


def read_phone(cell: Cell, column: Column, books: Books) -> Said:
    text = text_of(cell)
    if isinstance(cell, int | float) and len(text) == 9:
        text = "0" + text  # a number has no leading zero
    return NOTHING if is_absent(text, books) else Said(((column.field, text),))


def read_mac_cell(cell: Cell, column: Column, books: Books) -> Said:
    text = text_of(cell)
    if is_absent(text, books):
        return NOTHING
    mac = read_mac(text)
    if mac is None:
        return Said(
            problem="value_impossible",
            more=(" (địa chỉ MAC có 12 chữ số thập lục phân)", " (a MAC address has twelve hexadecimal digits)"),
        )
    return Said(((column.field, mac),)) if mac else Said(notes=("placeholder",))


def read_host_cell(cell: Cell, column: Column, books: Books) -> Said:
    text = text_of(cell)
    if is_absent(text, books) or words(text) in ("dhcp", "ip dong", "dong"):
        return NOTHING
    host = read_host(text)
    if host is None:
        return Said(
            problem="value_impossible",
            more=(" (địa chỉ IP dạng 192.168.1.10)", " (an IP address is like 192.168.1.10)"),
        )
    return Said(((column.field, host[0]),), notes=("port_left_out",) if host[1] else ())


def read_stream_cell(cell: Cell, column: Column, books: Books) -> Said:
    text = cell.strip() if isinstance(cell, str) else text_of(cell)
    if is_absent(text, books):
        return NOTHING
    stream = read_stream(text)
    if stream is None:
        return Said(
            problem="value_impossible",
            more=(" (đường dẫn dạng rtsp://địa-chỉ/...)", " (a link is like rtsp://address/...)"),
        )
    url, user, password = stream
    values: tuple[tuple[str, object], ...] = ((column.field, url),)
    if user:
        values += (("username", user),)
    if password:
        values += (("password", password),)
    return Said(values, notes=("credentials_apart",) if user or password else ())


def read_date(cell: Cell, column: Column, books: Books) -> Said:
    if isinstance(cell, str) and is_absent(clean(cell), books):
        return NOTHING
    if column.field == "warranty_until" and (months := _months(cell, column)):
        return Said(((SPAN, months),))
    day = read_day(clean(cell) if isinstance(cell, str) else cell)
    if day is None:
        return Said(problem="date_impossible") if not isinstance(cell, str) or any(map(str.isdigit, cell)) else _KEPT
    if day.date is None:
        return Said(problem="date_impossible")
    return Said(((column.field, day.date),), notes=(day.note,) if day.note else ())


def _months(cell: Cell, column: Column) -> int | None:
    if isinstance(cell, str) and not cell.strip().isdecimal():
        return read_span(cell)
    value = number(str(cell)) if isinstance(cell, str | int) and not isinstance(cell, bool) else None
    return int(value[0]) if value and 1 <= value[0] <= 120 and value[0].is_integer() else None


def read_megapixels(cell: Cell, column: Column, books: Books) -> Said:
    text = text_of(cell)
    if is_absent(text, books):
        return NOTHING
    known = books.resolutions.exact(words(text))
    if known:
        return Said(((column.field, float(known)),))
    if found := _SIZE.search(text):
        return _ranged(column.field, _nominal(int(found.group(1)) * int(found.group(2)) / 1e6), 0.05, 100)
    read = number(text)
    if read is None:
        named = books.resolutions.first(words(text))
        inside = re.search(r"([0-9]+(?:[.,][0-9]+)?)\s*(?:mp|mega|tri)", text, re.IGNORECASE)
        if inside and (read := number(inside.group(1))):
            return _ranged(column.field, read[0], 0.05, 100)
        return Said(((column.field, float(named)),)) if named else _KEPT
    value = {720.0: 1.0, 1080.0: 2.0, 1440.0: 4.0, 2160.0: 8.0}.get(read[0], read[0])
    return _ranged(column.field, value, 0.05, 100, read[1])


def _nominal(exact: float) -> float:
    near = min(_NOMINAL, key=lambda value: abs(value - exact) / value)
    return near if abs(near - exact) / near < 0.17 else round(exact, 1)


def _ranged(field: str, value: float, least: float, most: float, comma: bool = False) -> Said:
    if not least <= value <= most:
        return Said(
            problem="value_impossible", more=(f" (từ {least:g} đến {most:g})", f" (from {least:g} to {most:g})")
        )
    return Said(((field, float(value)),), notes=("decimal_comma",) if comma else ())


def read_metres(cell: Cell, column: Column, books: Books) -> Said:
    """Height above ground, or how far it sees."""
    text = text_of(cell)
    if is_absent(text, books):
        return NOTHING
    read = number(re.sub(r"^(?:khoảng|~|≈|tầm|cao|>|<|>=|<=)\s*", "", text, flags=re.IGNORECASE))
    if read is None:
        return _KEPT
    unit = words(rest(text)).split(" ")[0]
    factor = {"km": 1000.0, "cm": 0.01, "mm": 0.001, "dm": 0.1}.get(unit, 1.0)
    most = 200.0 if column.field == "height_m" else 20_000.0
    return _ranged(column.field, round(read[0] * factor, 3), 0.0 if column.field == "height_m" else 0.1, most, read[1])


def read_bearing(cell: Cell, column: Column, books: Books) -> Said:
    text = text_of(cell)
    if is_absent(text, books):
        return NOTHING
    read = number(text)
    if read is None:
        plain = re.sub(r"^(?:huong|nhin ve|ve|quay ve|phia)(?: huong| phia)? ", "", words(text))
        if plain in ("d", "b", "t", "e", "w", "n", "s"):
            plain = {"d": "dong", "b": "bac", "t": "tay"}.get(plain, plain)
        direction = books.compass.exact(plain)
        return Said(((column.field, float(direction)),)) if direction is not None else _KEPT
    return _ranged(column.field, 0.0 if read[0] == 360 else read[0], 0, 359.99, read[1])


def read_angle(cell: Cell, column: Column, books: Books) -> Said:
    text = text_of(cell)
    if is_absent(text, books):
        return NOTHING
    read = number(text)
    return _KEPT if read is None else _ranged(column.field, read[0], 0.1, 360, read[1])


def read_rate(cell: Cell, column: Column, books: Books) -> Said:
    """Kilobits per second, from whatever measure is written in the cell or in the heading."""
    text = text_of(cell)
    if is_absent(text, books):
        return NOTHING
    read = number(text)
    if read is None:
        return _KEPT
    value, notes = read[0], ("decimal_comma",) if read[1] else ()
    unit = words(rest(text)) or column.plain
    if re.search(r"\b(?:g|gb|gbps|gbit)\b", unit):
        value *= 1e6
    elif re.search(r"\b(?:m|mb|mbps|mbit|mega)\b", unit):
        value *= 1000
    elif re.fullmatch(r"[0-9]{1,3}[.,][0-9]{3}", text.split(" ")[0]):
        value *= 1000  # 2.000 is two thousand
    elif not re.search(r"\b(?:k|kb|kbps|kbit|kbits)\b", unit) and value < 64:
        value, notes = value * 1000, ("unit_guessed",)
    if not 1 <= value <= 10_000_000:
        return Said(problem="value_impossible")
    return Said(((column.field, round(value)),), notes=notes)


def read_clock(cell: Cell, column: Column, books: Books) -> Said:
    clock = _clock(cell)
    if clock is not None:
        return Said(((column.field, clock),))
    return NOTHING if isinstance(cell, str) and is_absent(clean(cell), books) else Said(problem="value_impossible")


def read_quiet(cell: Cell, column: Column, books: Books) -> Said:
    """Both quiet hours: "22h-5h", "từ 22:00 đến 05:00"."""
    text = text_of(cell)
    if is_absent(text, books):
        return NOTHING
    found = _PERIOD.search(text)
    start, end = (_clock(found.group(1)), _clock(found.group(2))) if found else (None, None)
    if start is None or end is None:
        return Said(problem="value_impossible") if any(map(str.isdigit, text)) else _KEPT
    return Said((("quiet_from", start), ("quiet_to", end)))


def _clock(cell: Cell) -> str | None:
    if isinstance(cell, datetime.datetime | datetime.time):
        return f"{cell.hour:02}:{cell.minute:02}"
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        if 0 < cell < 1:
            minutes = round(cell * 1440)
            return f"{minutes // 60 % 24:02}:{minutes % 60:02}"
        return f"{int(cell) % 24:02}:00" if 0 <= cell <= 24 and float(cell).is_integer() else None
    found = _CLOCK.fullmatch(clean(cell)) if isinstance(cell, str) else None
    if found is None:
        return None
    hour, minute = int(found.group(1)), int(found.group(2) or 0)
    if found.group(3) and found.group(3).lower() in ("pm", "chiều", "tối") and hour < 12:
        hour += 12
    return f"{hour % 24:02}:{minute:02}" if hour <= 24 and minute < 60 else None


def read_status(cell: Cell, column: Column, books: Books) -> Said:
    """A word of the life cycle, or an answer whether it works: people write either under either heading."""
    answer = _answer(cell, books)
    text = text_of(cell)
    plain = words(text)
    life = books.lives.exact(plain)
    if life is None and answer is None:
        if is_absent(text, books):
            return NOTHING
        inside = books.lives.within(plain)
        life = inside[0] if inside else None
        if life == "operating" and _NEGATED.match(plain):
            life = "faulty"
    if life is None:
        return Said((("declared_working", answer),)) if answer is not None else _KEPT
    values: tuple[tuple[str, object], ...] = (("life", life),)
    if life in _WORKS:
        values += (("declared_working", _WORKS[life]),)
    return Said(values)


def _answer(cell: Cell, books: Books) -> bool | None:
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, int | float):
        return bool(cell) if cell in (0, 1) else None
    text = text_of(cell)
    if text and text[0] in _YES_SIGNS:
        return True
    if text and text[0] in _NO_SIGNS:
        return False
    said = books.answers.exact(words(text))
    return None if said is None else said == "yes"


def read_answer(cell: Cell, column: Column, books: Books) -> Said:
    answer = _answer(cell, books)
    if answer is None:
        text = text_of(cell)
        plain = words(text)
        if is_absent(text, books):
            return NOTHING
        answer = False if re.match(r"(?:khong|chua|ko)\b", plain) else True if re.match(r"(?:co|da)\b", plain) else None
    return _KEPT if answer is None else Said(((column.field, answer),))


def read_vendor(cell: Cell, column: Column, books: Books) -> Said:
    """The brand as the catalogue spells it, its family; and what follows it, when that looks like a model."""
    text = text_of(cell)
    if is_absent(text, books):
        return NOTHING
    found = books.types.find(text)
    if found is None:
        return Said((("vendor", text),))
    brand, family, size = found
    values: tuple[tuple[str, object], ...] = (("vendor", brand), ("family", family))
    tail = _after_words(text, size)
    if any(map(str.isdigit, tail)) and len(tail) <= 60:
        values += (("model", tail),)
    return Said(values)


def _after_words(text: str, count: int) -> str:
    """The text after its first so many folded words."""
    position = 0
    for found in re.finditer(r"[^\W_]+", text):
        if count == 0:
            break
        count -= 1
        position = found.end()
    return text[position:].strip(" -_/:,.()")


def read_kind(cell: Cell, column: Column, books: Books) -> Said:
    text = text_of(cell)
    kind = books.kinds.first(words(text))
    brand = books.types.find(text) if text else None
    values: tuple[tuple[str, object], ...] = (("vendor", brand[0]), ("family", brand[1])) if brand else ()
    if kind is not None:
        return Said((("kind", kind), *values))
    return NOTHING if is_absent(text, books) else Said(values) if values else _KEPT


def read_purpose(cell: Cell, column: Column, books: Books) -> Said:
    text = text_of(cell)
    plain = words(text)
    purpose = books.purposes.exact(plain)
    if purpose is not None:
        return Said((("purpose", purpose),), notes=("purpose_guessed",) if plain in ("giao thong", "traffic") else ())
    if is_absent(text, books):
        return NOTHING
    found = _in_order(books, text)
    if not found:
        return Said(problem="purpose_unknown")
    return Said((("purpose", found[0]),), notes=("purpose_several",) if len(found) > 1 else ())


def _in_order(books: Books, text: str) -> list[str]:
    """Purposes in the order they are named."""
    found: list[str] = []
    for part in re.split(r"[,;+/&\n]| - |\bvà\b|\bva\b|\bkết hợp\b", text):
        plain = words(part)
        exact = books.purposes.exact(plain)
        found += [exact] if exact else books.purposes.within(plain)[:1]
    return list(dict.fromkeys(found)) or books.purposes.within(words(text))[:1]


def read_link(cell: Cell, column: Column, books: Books) -> Said:
    """The line; of a borrowed one also whose it is, where the cell says so."""
    text = text_of(cell)
    plain = words(text)
    link = books.links.first(plain)
    if link is None:
        return NOTHING if is_absent(text, books) else _KEPT
    values: tuple[tuple[str, object], ...] = (("link", link),)
    if link == "borrowed":
        if person := _PERSON.search(text):
            values += (("consent_name", person.group(1)),)
        if telephone := _TELEPHONE.search(text):
            values += (("consent_phone", telephone.group()),)
    return Said(values, notes=("link_guessed",) if plain in ("cap quang", "fibre", "fiber") else ())


def read_mounting(cell: Cell, column: Column, books: Books) -> Said:
    text = text_of(cell)
    mounting = books.mountings.first(words(text))
    if mounting is not None:
        return Said((("mounting", mounting),))
    return NOTHING if is_absent(text, books) else _KEPT


def read_disclosure(cell: Cell, column: Column, books: Books) -> Said:
    text = text_of(cell)
    disclosure = books.disclosures.first(words(text))
    if disclosure is not None:
        return Said((("disclosure", disclosure),))
    return NOTHING if is_absent(text, books) else _KEPT


READERS: dict[str, Reader] = {
    **dict.fromkeys(
        (
            "name",
            "model",
            "address",
            "contract",
            "supplier",
            "contact_point",
            "site",
            "retention_class",
            "note",
            "family",
        ),
        read_text,
    ),
    **dict.fromkeys(("code", "serial"), read_identity),
    **dict.fromkeys(("username", "password"), read_secret),
    "consent_name": read_text,
    "consent_phone": read_phone,
    "login": read_login,
    "mac": read_mac_cell,
    "host": read_host_cell,
    **dict.fromkeys(("rtsp_main", "rtsp_sub"), read_stream_cell),
    **dict.fromkeys(
        ("installed_on", "life_since", "warranty_until", "consent_given_on", "consent_expires_on"), read_date
    ),
    "megapixels": read_megapixels,
    **dict.fromkeys(("height_m", "range_m"), read_metres),
    "bearing": read_bearing,
    "view_angle": read_angle,
    "upload_kbps": read_rate,
    **dict.fromkeys(("quiet_from", "quiet_to"), read_clock),
    "quiet": read_quiet,
    **dict.fromkeys(("life", "declared_working"), read_status),
    **dict.fromkeys(("sign_present", "enabled"), read_answer),
    "vendor": read_vendor,
    "kind": read_kind,
    "purpose": read_purpose,
    "link": read_link,
    "mounting": read_mounting,
    "disclosure": read_disclosure,
}
# Where few different texts stand in many rows.
REMEMBERED = frozenset(READERS) - {
    *("name", "code", "serial", "address", "mac", "host", "rtsp_main", "rtsp_sub", "username", "password", "login"),
    *("consent_name", "consent_phone"),
}
