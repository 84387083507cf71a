"""Good lists for fuzzers to spoil, as CSV bytes and as workbooks."""

from __future__ import annotations

import io
import zipfile

import xlsxwriter

ROWS = [
    ["UBND PHƯỜNG GIẢNG VÕ", "", "", "", "", "", "", "", ""],
    ["STT", "Tên camera", "Địa chỉ", "Phường/Xã", "Vĩ độ", "Kinh độ", "Ngày lắp đặt", "Tình trạng", "Link RTSP"],
    [
        "1",
        "Cổng chợ",
        "1 Kim Mã",
        "P. Trúc Bạch",
        "21,0318",
        "105,8138",
        "5/3/2024",
        "Hỏng",
        "rtsp://admin:S3cret-Pa55@10.0.0.1/live",
    ],
    [
        "2",
        "Ngã tư Sở",
        "21°01'42.5\"N 105°51'15\"E",
        "Giảng Võ",
        "21.03",
        "105.81",
        "T3/2024",
        "x",
        "rtsp://10.0.0.2/user=a&password=S3cret-Pa55",
    ],
    ["Tổng cộng", "2", "", "", "", "", "", "", ""],
]
_SEPARATOR = b"\n--part--\n"


def csv(delimiter: str, encoding: str) -> bytes:
    text = "\r\n".join(delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row) for row in ROWS)
    return text.encode(encoding, "replace")


def workbook() -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    sheet = book.add_worksheet("DS")
    for number, row in enumerate(ROWS):
        for column, cell in enumerate(row):
            sheet.write(number, column, cell)
    sheet.merge_range("A1:I1", ROWS[0][0])
    sheet.write_formula("J3", "=1+1")
    book.close()
    return buffer.getvalue()


def unpacked() -> bytes:
    """The parts of a workbook one after another, for ``repacked`` to make a workbook of."""
    with zipfile.ZipFile(io.BytesIO(workbook())) as archive:
        wanted = (
            "[Content_Types].xml",
            "xl/workbook.xml",
            "xl/_rels/workbook.xml.rels",
            "xl/worksheets/sheet1.xml",
            "xl/sharedStrings.xml",
            "xl/styles.xml",
        )
        return _SEPARATOR.join(name.encode() + b"\n" + archive.read(name) for name in wanted)


def repacked(data: bytes) -> bytes:
    """An archive of the parts in ``data``; what has no name is left out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        names = set()
        for part in data.split(_SEPARATOR):
            name, _, body = part.partition(b"\n")
            shown = name.decode("latin-1").replace("\0", "").strip("/ ")[:200]
            if shown and shown not in names:
                names.add(shown)
                archive.writestr(shown, body)
    return buffer.getvalue()


SEEDS: dict[str, list[bytes]] = {
    "sheet": [
        csv(",", "utf-8"),
        csv(";", "utf-16"),
        csv("\t", "cp1258"),
        b"Ph\xad\xeang;H\xb5 N\xe9i\n1;2\n",
        workbook(),
    ],
    "workbook": [unpacked()],
    "legacy": [
        "Phường Hà Nội".encode(),
        "Ph­êng Hµ Néi".encode(),
        "Phöôøng Haø Noäi".encode(),
        "PhÆ°á»\u009dng".encode(),
        b"\xff\xad\xea",
    ],
}
