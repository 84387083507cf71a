"""The machine-readable frame number burned into every simulated picture.

Geometry, in fractions of the picture so that it survives any scaling (ports to other languages need only this):

- The code is one row of 20 cells. A cell is ``W/40`` wide and ``H/18`` high. The row's left edge is ``x = W/40``,
  its top edge is ``y = H * 16.5/18``: it fills x from 1/40 to 21/40 of the width and y from 33/36 to 35/36 of the height.
- Cell ``i`` (0..19) spans x from ``W*(1+i)/40`` to ``W*(2+i)/40``. White is 1, black is 0.
- Cell 0 is white, cell 1 is black, cell 18 is black, cell 19 is white: the references.
- Cells 2..13 are the frame number, 12 bits, most significant first (0..4095).
- Cells 14..17 are the check, 4 bits, most significant first: ``(n ^ (n >> 4) ^ (n >> 8) ^ 0b1010) & 15``.
- To read: take the mean brightness of the middle half of each cell in both directions (x from 1/4 to 3/4 of the
  cell, y likewise). The threshold is half-way between the mean of the white references (0, 19) and the mean of the
  black references (1, 18). The code is unreadable when white - black < 48 (of 255) or the check does not match.

In a browser: draw the video to a canvas of its own size, ``getImageData``, use the green channel as brightness.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from khue.model.errors import MediaError

CELLS = 20
COLUMNS = 40
ROWS = 18
TOP_ROW = 16.5
LIMIT = 1 << 12
_WHITE, _BLACK = (0, 19), (1, 18)
_CONTRAST = 48


def _check(number: int) -> int:
    return (number ^ (number >> 4) ^ (number >> 8) ^ 0b1010) & 15


def cells(number: int) -> list[bool]:
    """The 20 cells for a frame number, left to right; True is white."""
    if not 0 <= number < LIMIT:
        raise ValueError(f"a frame number is 0..{LIMIT - 1}, not {number}")
    word = number << 4 | _check(number)
    return [True, False, *(bool(word >> bit & 1) for bit in range(15, -1, -1)), False, True]


def rectangles(number: int, width: int, height: int) -> list[tuple[int, int, int, int, bool]]:
    """(left, top, right, bottom, white) of each cell in a picture of that size; right and bottom exclusive."""
    top, bottom = round(height * TOP_ROW / ROWS), round(height * (TOP_ROW + 1) / ROWS)
    return [
        (round(width * (1 + i) / COLUMNS), top, round(width * (2 + i) / COLUMNS), bottom, white)
        for i, white in enumerate(cells(number))
    ]


def read_frame_number(picture: NDArray[Any]) -> int:
    """The number burned into a picture: an ``(H, W)`` luma plane or an ``(H, W, 3)`` RGB/BGR array, any scale.

    Raises MediaError when no code can be read there.
    """
    plane = picture[..., 1] if picture.ndim == 3 else picture
    height, width = plane.shape
    row, column = height / ROWS, width / COLUMNS
    band = plane[int(row * (TOP_ROW + 0.25)) : max(int(row * (TOP_ROW + 0.75)), int(row * (TOP_ROW + 0.25)) + 1)]
    means = [
        float(np.mean(band[:, int(column * (1.25 + i)) : max(int(column * (1.75 + i)), int(column * (1.25 + i)) + 1)]))
        for i in range(CELLS)
    ]
    white, black = (sum(means[i] for i in which) / 2 for which in (_WHITE, _BLACK))
    if white - black < _CONTRAST:
        raise MediaError("no frame number in this picture: the reference cells have no contrast")
    word = 0
    for mean in means[2:18]:
        word = word << 1 | (mean > (white + black) / 2)
    if word & 15 != _check(word >> 4):
        raise MediaError("the frame number in this picture is damaged: its check does not match")
    return word >> 4
