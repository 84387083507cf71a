"""Files made to hurt, or merely broken: a clear error with its place, soon, and in little memory."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Iterator

import pytest
from intake_material import GOOD, HEADINGS, archive, bare_workbook, csv_bytes, workbook

from khue.centre.intake.sheet import SheetError, read_tables

pytestmark = pytest.mark.timeout(60)
_ROW = b'<row r="%d"><c r="A%d"><v>1</v></c></row>'


def refused(data: bytes, name: str = "x.xlsx") -> SheetError:
    with pytest.raises(SheetError) as caught:
        read_tables(name, data)
    error = caught.value
    assert error.file == name and error.vi and error.en and name in str(error)
    return error


@pytest.fixture
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200 << 20


def _bomb(size: int) -> bytes:
    return b"<row r='1'><c r='A1' t='inlineStr'><is><t>" + b" " * size + b"</t></is></c></row>"


@pytest.mark.usefixtures("little_memory")
def test_a_bomb_of_three_hundred_megabytes() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("[Content_Types].xml", "<Types/>")
        with made.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(300):
                part.write(b" " * (1 << 20))
    assert refused(buffer.getvalue()).code == "too_large"


@pytest.mark.usefixtures("little_memory")
def test_a_bomb_that_lies_about_its_size() -> None:
    data = bytearray(bare_workbook(_bomb(60 << 20)))
    declared = (60 << 20) + len(_bomb(0)) + len(b"<worksheet><sheetData></sheetData></worksheet>")
    assert data.count(declared.to_bytes(4, "little")) == 2
    data = bytearray(bytes(data).replace(declared.to_bytes(4, "little"), (500).to_bytes(4, "little")))
    assert refused(bytes(data)).code in ("too_large", "broken_file")


@pytest.mark.usefixtures("little_memory")
def test_a_long_text_shown_in_many_cells() -> None:
    cells = b"".join(
        b'<row r="%d">' % row + b'<c r="A%d" t="s"><v>0</v></c>' % row + b"</row>" for row in range(1, 20_000)
    )
    data = bare_workbook(cells, b"<sst><si><t>" + b"x" * 8000 + b"</t></si></sst>")
    assert refused(data).code == "no_rows"  # it is read, once, and is no list


def test_a_part_that_shrank_a_thousandfold_is_no_list_however_small() -> None:
    row = b'<row r="1"><c r="A1"><v>1</v></c></row>'
    assert refused(bare_workbook(row + b" " * (20 << 20))).code == "too_large"


def test_a_cell_far_away_costs_nothing_but_is_refused_with_its_place() -> None:
    far = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="C1048576"><v>1</v></c></row>'
    error = refused(bare_workbook(far))
    assert (error.code, error.row, error.sheet) == ("too_many_rows", 1048576, "S")
    error = refused(bare_workbook(b'<row r="7"><c r="XFD7"><v>1</v></c></row>'))
    assert (error.code, error.row, error.column) == ("too_many_columns", 7, "XFD")


def test_empty_cells_far_away_are_nobody_s_business() -> None:
    rows = b'<row r="1"><c r="A1" t="str"><v>a</v></c><c r="B1" t="str"><v>b</v></c><c r="XFD1" s="1"/></row>'
    data = bare_workbook(
        rows
        + b'<row r="2"><c r="A2"><v>1</v></c><c r="B2"><v>2</v></c></row><row r="1048576" s="3"><c r="A1048576" s="1"/></row>'
    )
    assert [len(table.rows) for table in read_tables("x.xlsx", data)] == [1]


def test_more_rows_than_a_sheet_may_have() -> None:
    error = refused(bare_workbook(b"".join(_ROW % (row, row) for row in range(1, 200_010))))
    assert (error.code, error.row) == ("too_many_rows", 200_001)


def test_rows_that_all_reach_far_to_the_right() -> None:
    assert (
        refused(
            bare_workbook(
                b"".join(b'<row r="%d"><c r="SR%d"><v>1</v></c></row>' % (row, row) for row in range(1, 30_000))
            )
        ).code
        == "too_large"
    )


def test_a_zip_within_a_zip_and_other_archives() -> None:
    good = workbook({"S": [HEADINGS, GOOD]})
    assert refused(archive({"a.xlsx": good})).code == "not_a_workbook"
    assert refused(archive({"[Content_Types].xml": b"<Types/>", "xl/embeddings/a.zip": good})).code == "not_a_workbook"
    assert refused(archive({"word/document.xml": b"<x/>"})).code == "not_a_workbook"
    assert refused(archive({"[Content_Types].xml": b"<Types/>"})).code == "broken_file"


def test_too_many_parts() -> None:
    assert (
        refused(archive({"[Content_Types].xml": b"<Types/>"} | {f"x{number}": b"" for number in range(3000)})).code
        == "too_large"
    )


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.999])
def test_a_truncated_workbook(keep: float) -> None:
    data = workbook({"S": [HEADINGS, GOOD]})
    assert refused(data[: int(len(data) * keep)]).code == "broken_file"


def test_old_and_encrypted_workbooks_are_told_apart_and_say_what_to_save_them_as() -> None:
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000)
    error = refused(old, "x.xls")
    assert error.code == "old_format" and ".xlsx" in error.vi and ".xlsx" in error.en
    assert refused(old + "EncryptedPackage".encode("utf-16-le")).code == "encrypted"
    locked = bytearray(workbook({"S": [HEADINGS, GOOD]}))
    place = locked.find(b"PK\x01\x02")
    locked[place + 8] |= 1
    assert refused(bytes(locked)).code == "encrypted"


@pytest.mark.parametrize("where", ["sheet", "strings", "workbook"])
def test_xml_with_a_document_type(where: str) -> None:
    doctype = b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    row = b'<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
    if where == "sheet":
        data = bare_workbook(row, b"<sst><si><t>x</t></si></sst>", doctype)
    elif where == "strings":
        data = bare_workbook(row, doctype + b"<sst><si><t>&b;</t></si></sst>")
    else:
        data = archive({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": doctype + b"<workbook/>"})
    assert refused(data).code == "unsafe_xml"


def test_broken_xml_and_references_into_nothing() -> None:
    for sheet in (
        b"<row r='1'><c",
        b"<row><c></row>",
        b'<row r="1"><c r="A1" t="s"><v>7</v></c></row>',
        b'<row r="1"><c r="A1" t="s"><v>-1</v></c></row>',
        b'<row r="1"><c r="A1" t="s"><v>&#49;</v></c></row>',
        b"\xff\xfe",
        b'<row r="1"><c r="A1" t="str"><v>&x;</v></c></row>',
    ):
        assert refused(bare_workbook(sheet)).code == "broken_file", sheet


@pytest.mark.usefixtures("little_memory")
def test_a_csv_file_of_a_million_columns() -> None:
    for data in (b"a," * 1_000_000, b"a,b\n" + b'"x",' * 400_000, b"a;b\n" + b"x;" * 300_000):
        error = refused(data, "x.csv")
        assert error.code == "too_many_columns" and error.row and error.column
    assert refused(csv_bytes([HEADINGS, GOOD]) + b";" * 1_000_000, "x.csv").code == "cell_too_long"


@pytest.mark.usefixtures("little_memory")
def test_a_line_without_end() -> None:
    error = refused(b"a,b\n" + b"x" * (50 << 20), "x.csv")
    assert (error.code, error.row) == ("line_too_long", 2)


def test_more_than_a_file_may_be() -> None:
    assert refused(bytes(65 << 20), "x.csv").code == "too_large"


def test_a_million_lines() -> None:
    assert refused(b"a,b\n" * 1_000_000, "x.csv").code == "too_many_rows"


def test_a_quotation_mark_nobody_closed() -> None:
    data = csv_bytes([HEADINGS, GOOD]) + b'C2,"Ngo 5\n' + csv_bytes([GOOD] * 5000)
    error = refused(data, "x.csv")
    assert (error.code, error.row) == ("unclosed_quote", 3)


def test_bytes_that_are_no_text() -> None:
    assert refused(bytes(range(256)) * 4 + bytes(3000), "x.csv").code == "not_text"
    for start in (b"\x89PNG\r\n", b"%PDF-1.7", b"\xff\xd8\xff\xe0", b"Rar!\x1a"):
        assert refused(start + b"a,b\nc,d\n", "x.csv").code == "not_text"


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\n\n", b" ; ;\n", b"\xff\xfe"])
def test_nothing_at_all(data: bytes) -> None:
    assert refused(data, "x.csv").code == "empty_file"


def test_only_a_heading() -> None:
    assert refused(csv_bytes([HEADINGS]), "x.csv").code == "no_rows"
    assert refused(workbook({"S": [HEADINGS]})).code == "no_rows"
    assert refused(workbook({"S": []})).code == "empty_file"


def test_the_name_does_not_decide() -> None:
    assert len(read_tables("x.csv", workbook({"S": [HEADINGS, GOOD]}))[0].rows) == 1
    assert len(read_tables("x.xlsx", csv_bytes([HEADINGS, GOOD]))[0].rows) == 1
    assert len(read_tables("x.XLS", csv_bytes([HEADINGS, GOOD], "\t"))[0].rows) == 1


def test_nul_and_broken_bytes_in_one_row_leave_the_others_alone() -> None:
    data = csv_bytes([HEADINGS, GOOD, GOOD, GOOD]).replace(b"Kim M\xc3\xa3", b"Kim\x00M\xff", 1)
    (table,) = read_tables("x.csv", data)
    assert len(table.rows) == 3 and table.encoding == "unicode"
    assert "\ufffd" in str(table.rows[0].cells) and "Kim Mã" in str(table.rows[1].cells)
