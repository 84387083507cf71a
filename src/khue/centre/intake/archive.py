"""The parts of an XLSX file, inflated in pieces and counted: what an archive declares about its sizes is not believed."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from xml.parsers import expat

from khue.centre.intake.table import SheetError

MAX_PARTS = 2_000
MAX_PART = 128 << 20
MAX_INFLATED = 256 << 20  # of all parts that are read
MAX_RATIO = 250  # a repetitive sheet reaches 50; a bomb 1000
_RATIO_FROM = 4 << 20  # small parts may be as repetitive as they like
_PIECE = 1 << 18
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class Archive:
    """An XLSX file. Every method raises SheetError when the file is broken, hostile, too large or no workbook."""

    def __init__(self, file: str, data: bytes) -> None:
        self.file = file
        self._inflated = 0
        if data.startswith(_OLD_OFFICE):
            raise _old(file, "EncryptedPackage".encode("utf-16-le") in data[: 1 << 20])
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _BROKEN as error:
            raise broken(file) from error
        self._parts = {part.filename: part for part in self._zip.infolist()}
        self._check()

    def _check(self) -> None:
        parts = self._zip.infolist()
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > 2 * MAX_INFLATED:
            raise too_large(self.file)
        if any(part.flag_bits & 1 for part in parts):
            raise _old(self.file, True)
        if "[Content_Types].xml" not in self._parts:
            raise _not_a_workbook(self.file)
        if len(self._parts) != len(parts):
            raise broken(self.file)  # two parts of one name: which of them counts, nobody knows
        if any(name.lower().endswith((".zip", ".xlsx", ".gz", ".rar", ".7z")) for name in self._parts):
            raise _not_a_workbook(self.file)
        for part in parts:
            self._check_size(part, part.file_size)

    def _check_size(self, part: zipfile.ZipInfo, count: int) -> None:
        if count > MAX_PART or (count > _RATIO_FROM and count > MAX_RATIO * max(part.compress_size, 1)):
            raise too_large(self.file)

    def __contains__(self, name: str) -> bool:
        return name in self._parts

    def pieces(self, name: str) -> Iterator[bytes]:
        """The part of that name, a piece at a time."""
        part = self._parts.get(name)
        if part is None:
            raise broken(self.file)
        count = 0
        try:
            with self._zip.open(part) as stream:
                while piece := stream.read(_PIECE):
                    count += len(piece)
                    self._inflated += len(piece)
                    self._check_size(part, count)
                    if self._inflated > 2 * MAX_INFLATED:
                        raise too_large(self.file)
                    yield piece
        except _BROKEN as error:
            raise broken(self.file) from error

    def parse(
        self,
        name: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        """Runs an XML part through callbacks; names come without their namespace. Document types are refused."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = lambda tag, attributes: start(tag.rpartition(" ")[2], attributes)
        if end is not None:
            parser.EndElementHandler = lambda tag: end(tag.rpartition(" ")[2])
        if text is not None:
            parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        try:
            for piece in self.pieces(name):
                parser.Parse(piece, False)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise broken(self.file) from error

    def _refuse_doctype(self, *_: Any) -> None:
        raise SheetError(
            "unsafe_xml",
            "Tệp chứa khai báo XML (DTD) mà bảng tính không bao giờ cần. Hãy mở bằng Excel và lưu lại thành .xlsx.",
            "the file declares an XML document type, which no spreadsheet needs. Save it as .xlsx with a spreadsheet program",
            file=self.file,
        )


_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
    OverflowError,
)


def broken(file: str, sheet: str = "") -> SheetError:
    """For an archive or a part that cannot be read to its end."""
    return SheetError(
        "broken_file",
        "Tệp bị hỏng hoặc bị cắt cụt. Hãy mở bằng Excel, lưu lại thành .xlsx rồi tải lên lần nữa.",
        "the file is broken or cut short. Open it in a spreadsheet program, save it as .xlsx and send that",
        file=file,
        sheet=sheet,
    )


def too_large(file: str, sheet: str = "", row: int = 0, column: str = "") -> SheetError:
    """For what would take more memory than a list of cameras can need."""
    return SheetError(
        "too_large",
        "Nội dung của tệp quá lớn đối với một danh sách camera. Hãy bỏ hình ảnh, trang tính và ô thừa, hoặc chia nhỏ tệp.",
        "the file holds far more than a list of cameras does. Take out what does not belong, or split it",
        file=file,
        sheet=sheet,
        row=row,
        column=column,
    )


def _old(file: str, encrypted: bool) -> SheetError:
    if encrypted:
        return SheetError(
            "encrypted",
            "Tệp có mật khẩu. Hãy bỏ mật khẩu (Tệp > Thông tin > Bảo vệ sổ làm việc) rồi lưu lại thành .xlsx.",
            "the file has a password. Remove it (File > Info > Protect Workbook) and save as .xlsx",
            file=file,
        )
    return SheetError(
        "old_format",
        "Đây là tệp Excel đời cũ (.xls). Hãy mở bằng Excel, chọn Lưu thành .xlsx rồi tải lên.",
        "this is an old Excel file (.xls). Open it, save as .xlsx, and send that",
        file=file,
    )


def _not_a_workbook(file: str) -> SheetError:
    return SheetError(
        "not_a_workbook",
        "Đây là tệp nén hoặc tài liệu khác, không phải bảng tính. Hãy giải nén và tải từng tệp .xlsx hoặc .csv lên.",
        "this is an archive or another document, not a spreadsheet. Unpack it and send each .xlsx or .csv file",
        file=file,
    )
