"""How values are spread: nearest-rank percentiles."""

from __future__ import annotations

from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; nan of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median, the 95th percentile, the largest, and how many there are."""
    found = {"p50": percentile(values, 0.5), "p95": percentile(values, 0.95), "max": max(values, default=float("nan"))}
    return {**{name: round(value, 2) for name, value in found.items()}, "count": len(values)}
