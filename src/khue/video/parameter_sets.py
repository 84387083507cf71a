"""The parameter sets in force: from the SDP first, then whatever the camera sends among its pictures."""

from __future__ import annotations

from collections.abc import Iterable

from khue.model.errors import MediaError
from khue.model.media import Codec
from khue.video.nal import is_parameter_set, nal_type
from khue.video.sps import MAX_PARAMETER_SET, PictureFormat, parameter_set_id, parse_sps

MAX_SETS = 16  # a camera uses two or three; a hostile one must not make the sample entry grow without end


class ParameterSets:
    """Keeps the last set of each type and id. ``current`` is a new tuple whenever, and only when, something changed."""

    def __init__(self, codec: Codec, initial: Iterable[bytes] = ()) -> None:
        self._codec = codec
        self._by_id: dict[tuple[int, int], bytes] = {}
        self._known: frozenset[bytes] = frozenset()
        self._format: PictureFormat | None = None
        self.current: tuple[bytes, ...] = ()  # VPS, SPS, PPS; by id among themselves
        for nal in initial:
            self.add(nal)

    @property
    def format(self) -> PictureFormat | None:
        """What the newest sequence parameter set says; None until pictures can be decoded (SPS and PPS are both there)."""
        kinds = {kind for kind, _ in self._by_id}
        return self._format if len(kinds) == (2 if self._codec is Codec.H264 else 3) else None

    def add(self, nal: bytes) -> bool:
        """Take a set into force; one that makes no sense is left out and False returned."""
        if nal in self._known:
            return True
        if not nal or len(nal) > MAX_PARAMETER_SET or not is_parameter_set(self._codec, nal_type(self._codec, nal)):
            return False
        try:
            key = (nal_type(self._codec, nal), parameter_set_id(self._codec, nal))
        except MediaError:
            return False
        if key not in self._by_id and len(self._by_id) >= MAX_SETS:
            return False
        self._by_id[key] = nal
        self.current = tuple(self._by_id[key] for key in sorted(self._by_id))
        self._known = frozenset(self.current)
        try:
            self._format = parse_sps(self._codec, nal)
        except MediaError:
            pass  # a VPS or PPS: the format stays what the SPS said
        return True
