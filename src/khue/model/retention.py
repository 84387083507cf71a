"""Which recordings go: past their term first, then, on a full disk, the oldest of the least important. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from khue.model.time import Micros

DAY: Micros = 86_400_000_000

FileFacts = tuple[int, str, Micros, Micros, int]
"""File id, retention class, first and last arrival, bytes."""


def choose_deletions(
    files: Sequence[FileFacts], policies: Mapping[str, tuple[float, int]], now: Micros, *, missing: int
) -> tuple[list[int], bool]:
    """Ids to delete, oldest first, and whether even that leaves too little room.

    ``policies``: class -> (days, priority). A class nobody configured is kept: deleting needs a reason. ``missing`` is how
    many bytes must be freed beyond what has expired.
    """
    expired = [f for f in files if f[1] in policies and now - f[3] > policies[f[1]][0] * DAY]
    chosen = [f[0] for f in expired]
    freed = sum(f[4] for f in expired)
    rest = sorted(
        (f for f in files if f[0] not in set(chosen) and f[1] in policies), key=lambda f: (policies[f[1]][1], f[3])
    )
    for file in rest:
        if freed >= missing:
            break
        chosen.append(file[0])
        freed += file[4]
    return chosen, freed < missing
