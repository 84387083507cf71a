"""What bad links and bad firmware do to the packets of one picture. Pure; ``dice`` is the session's own."""

from __future__ import annotations

import random

Tracks = list[list[bytes]]  # RTP packets by track


def lose(tracks: Tracks, percent: float, dice: random.Random) -> tuple[Tracks, bool]:
    """Each packet is lost with that probability; True when none was."""
    kept = [[packet for packet in track if dice.random() * 100 >= percent] for track in tracks]
    return kept, all(len(a) == len(b) for a, b in zip(kept, tracks, strict=True))


def reorder(tracks: Tracks, percent: float, dice: random.Random) -> Tracks:
    """Neighbours change places with that probability."""
    for track in tracks:
        for i in range(len(track) - 1):
            if dice.random() * 100 < percent:
                track[i], track[i + 1] = track[i + 1], track[i]
    return tracks


def fit(tracks: Tracks, budget: float) -> tuple[Tracks, float, bool]:
    """What passes a link with room for ``budget`` bytes; the room left; True when all passed."""
    passed, whole = [], True
    for track in tracks:
        kept = []
        for packet in track:
            if len(packet) <= budget:
                budget -= len(packet)
                kept.append(packet)
            else:
                whole = False
        passed.append(kept)
    return passed, budget, whole


def cut_short(parts: list[bytes], dice: random.Random) -> list[bytes]:
    """One interleaved frame keeps its length field and loses its second half."""
    victim = dice.randrange(len(parts))
    return [part[: 4 + (len(part) - 4) // 2] if i == victim else part for i, part in enumerate(parts)]


def garbage(count: int, dice: random.Random) -> bytes:
    """Random bytes. Any byte may come, ``$`` too."""
    return dice.randbytes(count)
