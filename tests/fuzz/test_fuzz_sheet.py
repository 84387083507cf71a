"""Lists of cameras spoilt in every way: tables or SheetError, a reading per row, no secret in a problem; nothing else, and soon."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from sheet_checks import BOOKS, CHECKS
from sheet_seeds import SEEDS
from test_fuzz_camera import spoilt

from khue.centre.intake.headings import FIELDS
from khue.centre.intake.mapping import Mapping
from khue.centre.intake.sheet import SourceRow, Table
from khue.centre.intake.values import read_row

PIECES = [
    b'<c r="XFD1048576"><v>1</v></c>',
    b"<f>",
    b'<row r="99999999">',
    b"<!DOCTYPE a>",
    b"&#0;",
    b'" t="inlineStr"><is><t>',
    b'<mergeCell ref="A1:ZZ99"/>',
    b"\x00",
    b"\xff\xfe",
    b'"',
    b"\r",
    b";;;;",
    b"\xad\xb5\xe9",
    b"1e999",
    b"NaN",
    b"-0",
    b"=HYPERLINK(1)",
    b"rtsp://a:S3cret-Pa55@",
    b"31/02/2024",
    b"0,0",
]


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_lists(name: str) -> None:
    check: Callable[[bytes], None] = CHECKS[name]

    @settings(max_examples=200, deadline=5000, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        spoilt(
            [
                *SEEDS[name],
                *(seed[: len(seed) // 2] + piece + seed[len(seed) // 2 :] for seed in SEEDS[name] for piece in PIECES),
            ]
        )
    )
    def run(data: bytes) -> None:
        check(data)

    run()
    for data in SEEDS[name]:
        check(data)


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("name", ["sheet", "workbook"])
def test_telling_pieces_in_many_places(name: str, piece: bytes) -> None:
    for seed in SEEDS[name]:
        for place in range(0, len(seed), max(1, len(seed) // 12)):
            CHECKS[name](seed[:place] + piece + seed[place:])


HOSTILE = {
    "sheet": [
        b'"' * 200_000,
        b"a,\n" * 60_000,
        b"\n" * 500_000,
        b"\r" * 300_000,
        b"a;b\n" + b"=" * 100_000,
        b"0" * 100_000 + b",1\n",
        b"\xc3\x28" * 60_000,
        "Vĩ độ,Kinh độ,Tên\n".encode() + b"1 " * 4000 + b",2,3\n",
    ],
    "workbook": [
        b"[Content_Types].xml\n<Types/>\n--part--\nxl/workbook.xml\n" + b"<sheets>" + b'<sheet name="a"/>' * 5000
    ],
    "legacy": [b"\xc3\xa1" * 20_000, ("ö" * 20_000).encode(), ("aâ " * 20_000).encode()],
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_lists_cost_a_bounded_time(name: str) -> None:
    for data in HOSTILE[name]:
        CHECKS[name](data)


LONG = [
    "1 ",
    "a ",
    "1.",
    "1,",
    "21°",
    "ông A ",
    "0 ",
    "22h-",
    "(",
    "phường ",
    "p. láng, ",
    "!3d1.1",
    "q=1.1,",
    "1'",
    "x",
    "/",
    "Đ",
    "á ",
    "-",
    "= ",
    "0912 ",
    "á\u0301",
    "@1",
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", LONG)
def test_a_cell_as_long_as_may_be_costs_a_bounded_time_as_any_field(text: str) -> None:
    cell = (text * 8192)[:8192]
    for field in sorted(FIELDS):
        table = Table("f", "", cell, (1, 1), (field,), [], [])
        read_row(SourceRow(2, (cell,)), table, Mapping({field: field}, cell), BOOKS)
