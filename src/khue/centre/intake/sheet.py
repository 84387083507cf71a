"""From the bytes of a spreadsheet to tables: the one way in."""

from __future__ import annotations

from khue.centre.intake.csv_sheet import read_csv
from khue.centre.intake.layout import Heading, find_heading, holds_cameras, lay_out, not_a_list, plain_heading
from khue.centre.intake.legacy_columns import mend
from khue.centre.intake.table import MAX_BYTES, Cell, Grid, SheetError, Skipped, SourceRow, Table
from khue.centre.intake.xlsx_sheet import read_workbook

__all__ = ["Cell", "SheetError", "Skipped", "SourceRow", "Table", "read_tables"]


def read_tables(file_name: str, data: bytes, encoding: str = "auto") -> list[Table]:
    """Every sheet of an .xlsx or .csv file. Sheets that are no list of cameras, or hidden, have no rows but ``skipped`` ones.

    When no sheet is recognised, those with anything like a heading come with their rows, to be mapped by hand.
    ``encoding``: of its text, where it is known: unicode, tcvn3, vni, cp1258. Raises SheetError, and nothing else, for any bytes.
    """
    if not data:
        raise SheetError("empty_file", "Tệp rỗng. Hãy kiểm tra lại tệp.", "the file is empty", file=file_name)
    if len(data) > MAX_BYTES:
        raise SheetError(
            "too_large",
            f"Tệp lớn hơn {MAX_BYTES >> 20} MB. Hãy bỏ hình ảnh trong tệp, hoặc chia nhỏ.",
            f"the file is larger than {MAX_BYTES >> 20} MB. Take out pictures, or split it",
            file=file_name,
        )
    # By what it is, not by what it is called: agencies rename files.
    is_workbook = data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0"))
    grids = read_workbook(file_name, data) if is_workbook else [read_csv(file_name, data, encoding)]
    if not any(grid.rows for grid in grids):
        raise SheetError(
            "empty_file",
            "Tệp không có dòng nào. Hãy kiểm tra lại tệp.",
            "the file has no rows. Check that it is the right one",
            file=file_name,
        )
    return _tables(file_name, grids, encoding)


def _tables(file: str, grids: list[Grid], encoding: str) -> list[Table]:
    mended = [mend(grid, encoding) for grid in grids]
    headings = [find_heading(grid) if not grid.hidden else None for grid, _ in mended]
    known = [heading is not None and holds_cameras(heading) for heading in headings]
    if not any(known):
        headings = [
            heading or (None if grid.hidden else plain_heading(grid))
            for heading, (grid, _) in zip(headings, mended, strict=True)
        ]
        known = [heading is not None for heading in headings]
    tables = [
        _table(file, grid, heading if use else None, columns)
        for (grid, columns), heading, use in zip(mended, headings, known, strict=True)
    ]
    if not any(table.rows for table in tables):
        raise SheetError(
            "no_rows",
            "Không tìm thấy danh sách nào: cần một dòng tiêu đề cột và ít nhất một dòng dữ liệu bên dưới.",
            "there is no list in it: it takes a row of headings and at least one row below",
            file=file,
        )
    return tables


def _table(file: str, grid: Grid, heading: Heading | None, legacy: frozenset[int]) -> Table:
    if heading is None:
        return not_a_list(file, grid, "hidden_sheet" if grid.hidden else "not_a_list")
    table = lay_out(file, grid, heading)
    table.legacy_columns = legacy
    return table
