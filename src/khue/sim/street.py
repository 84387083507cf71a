"""The picture a simulated camera sees: a street by day, with cars, buses and motorbikes that pass in a seamless loop."""

from __future__ import annotations

import math
import random
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from khue.sim import barcode

Colour = tuple[int, int, int]
LOOKS = ("street", "black", "covered", "moved", "frozen")

_PAINT: tuple[Colour, ...] = (
    (196, 40, 44), (38, 86, 160), (236, 236, 232), (46, 48, 54), (222, 170, 40), (60, 128, 84), (150, 158, 166),
)  # fmt: skip
_SKY: tuple[tuple[Colour, Colour], ...] = (
    ((118, 168, 222), (222, 234, 244)),
    ((150, 176, 200), (228, 226, 220)),
    ((96, 152, 206), (248, 226, 190)),
    ((136, 160, 186), (206, 216, 222)),
)
_WATER: Colour = (112, 146, 166)  # a bridge: no trees
_VERGE: tuple[Colour, ...] = ((158, 154, 144), (126, 148, 104), (176, 162, 134), _WATER)
_WALL: tuple[Colour, ...] = ((214, 190, 142), (198, 150, 120), (170, 178, 184), (226, 214, 190), (150, 170, 160))
_FIRST_SECOND = 7 * 3600 + 30 * 60  # the burned-in clock starts at 07:30:00
_NOISE = 5  # grain of +-2 levels keeps the encoder's bit rate up, as a real sensor's does


class Vehicle(NamedTuple):
    """One road user. ``passes`` whole trips per loop make the loop seamless; ``lane`` is -1..1 across the road."""

    kind: str
    lane: float
    phase: float
    passes: int
    away: bool
    colour: Colour


class View(NamedTuple):
    """Where the road is: horizon, vanishing point and half width of the road at the bottom edge, in pixels."""

    width: int
    height: int
    horizon: float
    vanish: float
    half_road: float

    def place(self, lane: float, depth: float) -> tuple[float, float, float]:
        """Screen x, y and scale of a point on the road; depth is 1 at the bottom edge, 0 at the horizon."""
        y = self.horizon + (self.height - self.horizon) * depth
        bottom = self.width / 2 + lane * self.half_road
        return self.vanish + (bottom - self.vanish) * depth, y, depth


class StreetSpec(msgspec.Struct, frozen=True):
    """What is drawn. ``seed`` chooses the street, ``label`` is burned in, ``frames`` is the loop's length."""

    seed: int
    label: str
    width: int
    height: int
    fps: float
    frames: int
    look: str = "street"


def plain(text: str) -> str:
    """Without tone marks: the built-in font has no Vietnamese letters."""
    swapped = text.replace("đ", "d").replace("Đ", "D")
    return "".join(c for c in unicodedata.normalize("NFD", swapped) if not unicodedata.combining(c))


def _view(spec: StreetSpec, dice: random.Random) -> View:
    w, h = spec.width, spec.height
    return View(w, h, h * dice.uniform(0.3, 0.42), w * dice.uniform(0.36, 0.64), w * dice.uniform(0.44, 0.6))


def _mix(a: Colour, b: Colour, share: float) -> Colour:
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


def _draw_sky(draw: ImageDraw.ImageDraw, view: View, dice: random.Random) -> None:
    top, low = dice.choice(_SKY)
    for y in range(int(view.horizon) + 1):
        draw.line((0, y, view.width, y), fill=_mix(top, low, y / view.horizon))


def _draw_houses(draw: ImageDraw.ImageDraw, view: View, dice: random.Random) -> None:
    """Tube houses on both sides, lower toward the vanishing point."""
    x = -view.width * 0.02
    while x < view.width:
        wide = view.width * dice.uniform(0.035, 0.075)
        far = 1 - min(1.0, abs(x + wide / 2 - view.vanish) / (view.width * 0.55))
        tall = view.height * (0.3 - 0.24 * far) * dice.uniform(0.7, 1.15)
        base = view.horizon + view.height * 0.03 * (1 - far)
        wall = _mix(dice.choice(_WALL), (200, 210, 220), 0.55 * far)
        draw.rectangle((x, base - tall, x + wide, base), fill=wall)
        pane, rows = _mix(wall, (40, 60, 80), 0.6), max(1, int(tall / (view.height * 0.045)))
        for row in range(rows):
            y = base - tall + tall * (row + 0.25) / rows
            for column in (0.14, 0.56):
                draw.rectangle((x + wide * column, y, x + wide * (column + 0.28), y + tall * 0.45 / rows), fill=pane)
        x += wide


def _draw_road(draw: ImageDraw.ImageDraw, view: View, verge: Colour, dice: random.Random) -> None:
    """Pavement, grass, earth or water on both sides; some streets have a zebra crossing."""
    draw.rectangle((0, view.horizon, view.width, view.height), fill=verge)
    for edge, colour in ((1.16, (188, 184, 174)), (1.02, (232, 230, 222)), (1.0, (92, 95, 100))):
        left, right = view.place(-edge, 1.0), view.place(edge, 1.0)
        draw.polygon(
            [(view.vanish - 2, view.horizon), (view.vanish + 2, view.horizon), right[:2], left[:2]], fill=colour
        )
    for lane, dashes in ((0.0, 1), (-0.5, 14), (0.5, 14)):
        for i in range(dashes):
            near, far = 1 / (1 + 0.9 * i), 1 / (1 + 0.9 * (i + (0.5 if dashes > 1 else 60)))
            half = 0.012 if dashes > 1 else 0.016
            corners = [view.place(lane + s, d)[:2] for s, d in ((-half, near), (half, near), (half, far), (-half, far))]
            draw.polygon(corners, fill=(240, 238, 226) if dashes > 1 else (236, 196, 70))

    if dice.random() < 0.4:
        _draw_zebra(draw, view, dice.uniform(0.42, 0.6))


def _draw_zebra(draw: ImageDraw.ImageDraw, view: View, depth: float) -> None:
    for i in range(-9, 9):
        left, right = (i + 0.22) / 9.4, (i + 0.72) / 9.4
        corners = ((left, depth), (right, depth), (right, depth * 1.28), (left, depth * 1.28))
        draw.polygon([view.place(*corner)[:2] for corner in corners], fill=(240, 238, 230))


def _draw_trees(draw: ImageDraw.ImageDraw, view: View, dice: random.Random) -> None:
    sides = dice.choice(((-1, 1), (-1, 1), (1,), (-1,)))
    for i in range(6, 0, -1):
        for side in sides:
            x, y, scale = view.place(side * 1.25, 1 / (1 + 0.75 * i))
            tall, wide = view.height * 0.62 * scale, view.width * 0.11 * scale
            draw.rectangle((x - wide * 0.08, y - tall * 0.6, x + wide * 0.08, y), fill=(94, 74, 56))
            for _ in range(7):
                cx, cy = x + wide * dice.uniform(-0.6, 0.6), y - tall * dice.uniform(0.55, 1.0)
                leaf = _mix((52, 104, 52), (98, 140, 66), dice.random())
                draw.ellipse((cx - wide * 0.45, cy - tall * 0.16, cx + wide * 0.45, cy + tall * 0.16), fill=leaf)


def _background(spec: StreetSpec, view: View, dice: random.Random) -> Image.Image:
    image = Image.new("RGB", (spec.width, spec.height))
    draw = ImageDraw.Draw(image)
    _draw_sky(draw, view, dice)
    _draw_houses(draw, view, dice)
    verge = dice.choice(_VERGE)
    _draw_road(draw, view, verge, dice)
    if verge != _WATER:
        _draw_trees(draw, view, dice)
    return image


def _traffic(dice: random.Random) -> list[Vehicle]:
    """Vietnam drives on the right: the right half goes away from us. A lane has one speed, so nobody is run over."""
    kinds = ["car", "car", "bike", "bike", "bus", "bike", "car", "bike", "bike", "taxi", "car", "taxi"]
    made, start = [], dice.random()
    for i, kind in enumerate(kinds):
        away = i % 2 == 0
        inner = kind != "bus" and i % 3 == 0
        lane = dice.uniform(0.8, 0.92) if kind == "bike" else 0.26 if inner else 0.62
        colour = (30, 140, 80) if kind == "taxi" else (214, 62, 40) if kind == "bus" else dice.choice(_PAINT)
        made.append(
            Vehicle(
                kind, lane if away else -lane, (start + i * 0.381966) % 1, 1 + (inner and kind != "bike"), away, colour
            )
        )
    return made


def _draw_bike(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, colour: Colour) -> None:
    draw.ellipse((x - size * 0.34, y - size * 0.05, x + size * 0.34, y + size * 0.07), fill=(70, 72, 76))
    draw.rectangle((x - size * 0.07, y - size * 0.42, x + size * 0.07, y), fill=(30, 30, 32))
    draw.rectangle((x - size * 0.16, y - size * 0.52, x + size * 0.16, y - size * 0.2), fill=(44, 46, 52))
    draw.rounded_rectangle((x - size * 0.2, y - size * 0.95, x + size * 0.2, y - size * 0.42), size * 0.08, fill=colour)
    draw.ellipse(
        (x - size * 0.14, y - size * 1.22, x + size * 0.14, y - size * 0.92), fill=_mix(colour, (255,) * 3, 0.6)
    )


def _draw_car(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, vehicle: Vehicle) -> None:
    tall = size * (1.15 if vehicle.kind == "bus" else 0.72)
    half, roof = size * 0.5, size * (0.48 if vehicle.kind == "bus" else 0.36)
    dark = _mix(vehicle.colour, (0, 0, 0), 0.35)
    draw.ellipse((x - half * 1.12, y - size * 0.09, x + half * 1.12, y + size * 0.07), fill=(66, 68, 72))
    for side in (-1, 1):
        wheel = x + side * half * 0.72
        draw.rectangle((wheel - size * 0.09, y - size * 0.16, wheel + size * 0.09, y), fill=(24, 24, 26))
    draw.polygon(
        [(x - half, y - tall * 0.55), (x - roof, y - tall), (x + roof, y - tall), (x + half, y - tall * 0.55)],
        fill=dark,
    )
    draw.polygon(
        [
            (x - half * 0.86, y - tall * 0.56),
            (x - roof * 0.86, y - tall * 0.94),
            (x + roof * 0.86, y - tall * 0.94),
            (x + half * 0.86, y - tall * 0.56),
        ],
        fill=(176, 204, 220),
    )
    draw.rounded_rectangle((x - half, y - tall * 0.58, x + half, y - tall * 0.1), size * 0.05, fill=vehicle.colour)
    lamp = (206, 30, 30) if vehicle.away else (255, 246, 204)
    for side in (-1, 1):
        cx = x + side * half * 0.74
        draw.rectangle((cx - size * 0.09, y - tall * 0.46, cx + size * 0.09, y - tall * 0.32), fill=lamp)
    draw.rectangle((x - size * 0.13, y - tall * 0.26, x + size * 0.13, y - tall * 0.16), fill=(240, 240, 234))


def _draw_traffic(draw: ImageDraw.ImageDraw, view: View, traffic: list[Vehicle], progress: float) -> None:
    """Everyone on the road at ``progress`` 0..1 of the loop, the farthest first."""
    placed = []
    for vehicle in traffic:
        along = (vehicle.phase + vehicle.passes * progress) % 1
        distance = 0.62 + 11 * (along if vehicle.away else 1 - along)
        placed.append((distance, vehicle))
    for distance, vehicle in sorted(placed, key=lambda item: -item[0]):
        x, y, scale = view.place(vehicle.lane, 1 / distance)
        if vehicle.kind == "bike":
            _draw_bike(draw, x, y, view.width * 0.1 * scale, vehicle.colour)
        else:
            _draw_car(draw, x, y, view.width * (0.26 if vehicle.kind == "bus" else 0.2) * scale, vehicle)


def _draw_text(draw: ImageDraw.ImageDraw, spec: StreetSpec, number: int) -> None:
    size = max(10, spec.height // 24)
    font = ImageFont.load_default(size)
    seconds, hundredths = divmod(int(number * 100 / spec.fps), 100)
    total = _FIRST_SECOND + seconds
    clock = f"2026-03-02 {total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}.{hundredths:02d}"
    at = spec.width / 40
    for text, y in ((plain(spec.label), size * 0.6), (f"{clock}  #{number:04d}", size * 1.9)):
        for colour, offset in (((0, 0, 0), max(1, size // 14)), ((255, 255, 255), 0)):
            draw.text((at + offset, y + offset), text, font=font, fill=colour)


def _overlay(image: Image.Image, spec: StreetSpec, number: int) -> None:
    draw = ImageDraw.Draw(image)
    _draw_text(draw, spec, number)
    for left, top, right, bottom, white in barcode.rectangles(number, spec.width, spec.height):
        draw.rectangle((left, top, right - 1, bottom - 1), fill=(255, 255, 255) if white else (0, 0, 0))


def _covered(spec: StreetSpec) -> Image.Image:
    """A rag over the lens: dark, out of focus, a little light at one edge."""
    small = Image.new("RGB", (16, 9), (46, 38, 34))
    ImageDraw.Draw(small).rectangle((13, 0, 15, 3), fill=(92, 80, 70))
    return small.filter(ImageFilter.GaussianBlur(1.5)).resize((spec.width, spec.height), Image.Resampling.BICUBIC)


def _turned(image: Image.Image) -> Image.Image:
    """The same street from a camera that was knocked aside: turned, and looking down to the left."""
    w, h = image.size
    angle = math.radians(12)
    cos, sin = math.cos(angle) * 0.72, math.sin(angle) * 0.72
    matrix = (cos, sin, -0.05 * w, -sin, cos, 0.32 * h)
    return image.transform((w, h), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=(120, 118, 112))


class Street:
    """The place a specification describes; any of its pictures can be drawn."""

    def __init__(self, spec: StreetSpec) -> None:
        dice = random.Random(spec.seed)
        self._spec, self._view = spec, _view(spec, dice)
        self._ground = _background(spec, self._view, dice)
        self._traffic = _traffic(dice)
        self._still = {"black": Image.new("RGB", self._ground.size), "covered": _covered(spec)}.get(spec.look)

    def picture(self, index: int) -> Image.Image:
        """RGB with label, clock and frame number burned in.

        ``frozen`` repeats picture 0, number and clock included, as a hung encoder does; the other looks keep counting.
        """
        spec = self._spec
        number = 0 if spec.look == "frozen" else index % spec.frames
        image = (self._still or self._ground).copy()
        if self._still is None:
            _draw_traffic(ImageDraw.Draw(image), self._view, self._traffic, number / spec.frames)
        if spec.look == "moved":
            image = _turned(image)
        _overlay(image, spec, number)
        return image


def draw_frames(spec: StreetSpec) -> Iterator[Image.Image]:
    """The loop's pictures, 0..frames-1."""
    street = Street(spec)
    return (street.picture(index) for index in range(spec.frames))


class Grain:
    """Sensor noise: a fixed field shifted at random for every picture, added in place to luma planes."""

    def __init__(self, width: int, height: int, seed: int) -> None:
        self._dice = random.Random(seed)
        field = np.random.default_rng(seed).integers(0, _NOISE, (height + 64, width + 64), dtype=np.uint8)
        self._field = field - np.uint8(_NOISE // 2)  # wraps on purpose: unsigned addition then adds -2..2

    def add(self, luma: NDArray[np.uint8]) -> None:
        """Add grain to an ``(H, W)`` limited-range (16..235) plane; it cannot overflow there."""
        height, width = luma.shape
        y, x = self._dice.randrange(64), self._dice.randrange(64)
        np.add(luma, self._field[y : y + height, x : x + width], out=luma)
