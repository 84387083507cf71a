"""``python -m khue.centre.inventory.sheet``: rows on standard input become a workbook on standard output.

Rows come in frames: four bytes of length, little-endian, and a MessagePack list of rows. Standard output is a file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import IO

import msgspec
import xlsxwriter

Cell = str | int | float
_MEEK = 10  # the centre's own work comes first
_rows = msgspec.msgpack.Decoder(list[list[Cell]])


def write_rows(to: IO[bytes], rows: Sequence[Sequence[Cell]]) -> None:
    """One frame."""
    data = msgspec.msgpack.encode(rows)
    to.write(len(data).to_bytes(4, "little") + data)


def read_rows(source: IO[bytes]) -> Iterator[list[Cell]]:
    """The rows of all frames."""
    while head := source.read(4):
        yield from _rows.decode(source.read(int.from_bytes(head, "little")))


def write_sheet(source: IO[bytes], to: IO[bytes]) -> None:
    """One sheet; a row is on disk as soon as the next begins. Text is stored as text: a spreadsheet runs none of it."""
    book = xlsxwriter.Workbook(to, {"constant_memory": True})
    sheet = book.add_worksheet("cameras")
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(read_rows(source)):
        for column, value in enumerate(row):
            if not isinstance(value, str):
                sheet.write_number(number, column, value)
            elif value:
                sheet.write_string(number, column, value)
    book.close()


if __name__ == "__main__":
    os.nice(_MEEK)
    write_sheet(sys.stdin.buffer, sys.stdout.buffer)
