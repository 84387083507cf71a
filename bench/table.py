"""Tables of measurements: for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table

from bench.measure import Measured

COLUMNS = ("engine", "x floor B", "x ffmpeg", "CPU-ms / camera-s", "MB / camera", "lost", "unsent", "cameras", "note")


def ratio(measured: Measured, base: Measured | None) -> str:
    """CPU per camera against another engine's; a dash when there is nothing to compare with."""
    if base is None or not base.cpu_ms_per_camera_second:
        return "-"
    return f"{measured.cpu_ms_per_camera_second / base.cpu_ms_per_camera_second:.2f}"


def rows(results: Mapping[str, Measured]) -> list[tuple[str, ...]]:
    """One line per engine, in the order of `COLUMNS`."""
    floor, ffmpeg = results.get("floor_b"), results.get("ffmpeg")
    return [
        (
            name,
            ratio(measured, floor),
            times_less(measured, ffmpeg),
            _cpu(measured),
            f"{measured.rss_mb_per_camera:.2f}",
            str(measured.frames_lost),
            str(measured.frames_unsent),
            str(measured.cameras),
            measured.note,
        )
        for name, measured in results.items()
    ]


def times_less(measured: Measured, ffmpeg: Measured | None) -> str:
    """``1/6.8``: the part of ffmpeg's CPU per camera it takes."""
    if ffmpeg is None or not measured.cpu_ms_per_camera_second:
        return "-"
    times = ffmpeg.cpu_ms_per_camera_second / measured.cpu_ms_per_camera_second
    return f"1/{times:.1f}" if times > 1 else f"{1 / times:.2f}"


def _cpu(measured: Measured) -> str:
    text = f"{measured.cpu_ms_per_camera_second:.3f}"
    if len(measured.parts) > 1:
        text += " (" + " + ".join(f"{role} {value:.3f}" for role, value in measured.parts.items()) + ")"
    return text


def terminal(title: str, results: Mapping[str, Measured]) -> Table:
    table = Table(title=title)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in ("engine", "note") else "right")
    for row in rows(results):
        table.add_row(*row)
    return table


def markdown(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    text = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    text += ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join(text) + "\n"
