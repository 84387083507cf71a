"""Messages between a node and the centre (msgpack over NATS). A field is only ever added, with a default.

Subjects (``{node}`` and ``{camera}`` are ids without dots):

- ``khue.centre.join.{node}``          request  Join -> Desired           a node asks for its desired state
- ``khue.centre.heartbeat.{node}``     request  Heartbeat -> HeartbeatAck every 2 s; renews the node's lease
- ``khue.events.{node}``               JetStream stream KHUE_EVENTS, EventBatch, Nats-Msg-Id ``{node}-{first}``
- ``khue.node.{node}.desired``         publish  Desired                   pushed when it changes
- ``khue.node.{node}.live``            request  LiveRequest -> LiveReply  opens, renews (every 3 s) a live relay
- ``khue.live.{node}.{camera}.{stream}`` publish LiveMessage              while a relay was renewed in the last 10 s
- ``khue.node.{node}.read``            request  ReadRequest -> ReadReply  then ReadChunk on ``inbox``; reader sends
                                                                         ReadCredit on ``ReadReply.credit``
- ``khue.node.{node}.snapshot``        request  SnapshotRequest -> SnapshotReply
- ``khue.node.{node}.coverage``        request  CoverageRequest -> CoverageReply
- ``khue.node.{node}.probe``           request  ProbeRequest -> ProbeReply
- ``khue.node.{node}.end``             publish  EndViewing               viewers beside the node whose right ended
- ``khue.node.{node}.scan``, ``.password``                                see khue.wire.onboarding

Every reply carries ``error`` (a sentence for a person) instead of its content when it failed.
"""

from __future__ import annotations

import msgspec

from khue.model.camera import CameraState, StreamName, Transport
from khue.model.coverage import Gap, GapCause, Span
from khue.model.time import Micros

EVENTS_STREAM = "KHUE_EVENTS"


class Message(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Base of every message."""


class StreamSpec(Message, frozen=True):
    """One stream to pull. ``url`` never carries credentials, except families that put them in the path."""

    name: StreamName
    url: str
    transport: Transport = Transport.AUTO
    record: bool = True


class CameraSpec(Message, frozen=True):
    id: str
    name: str
    streams: tuple[StreamSpec, ...]
    username: str = ""
    password: str = ""
    retention_class: str = "default"
    enabled: bool = True
    tls_verify: bool = False  # cameras come with self-signed certificates; True where the site has its own CA
    since: Micros = 0  # recording is expected from here on


class RetentionPolicy(Message, frozen=True):
    """How long a class is kept, and which class a full disk costs first (lowest ``priority`` first)."""

    name: str
    days: float
    priority: int = 0


class Hold(Message, frozen=True):
    """What may not be deleted, whatever its age, until ``review`` is decided on."""

    id: str
    camera: str
    start: Micros
    end: Micros
    reason: str
    review: Micros


class Desired(Message, frozen=True):
    """All a node needs to know. ``revision`` grows with each change; ``token_key`` is the centre's Ed25519 public key (raw)."""

    node: str
    revision: int
    cameras: tuple[CameraSpec, ...] = ()
    retention: tuple[RetentionPolicy, ...] = (RetentionPolicy(name="default", days=30.0),)
    holds: tuple[Hold, ...] = ()
    token_key: bytes = b""
    error: str = ""


class Join(Message, frozen=True):
    node: str
    sites: tuple[str, ...] = ()  # networks whose cameras this node can reach
    lan_url: str = ""  # http://host:port of the node's own server, for viewers beside it
    version: str = ""
    capacity: int = 400
    ranges: tuple[str, ...] = ()  # where its administrator lets it look for cameras


class StreamStatus(Message, frozen=True):
    """Present state of a stream; ``since`` says from when, ``detail`` why, in words an engineer can act on."""

    camera: str
    stream: StreamName
    state: CameraState
    since: Micros
    detail: str = ""
    cause: GapCause | None = None
    codec: str = ""
    width: int = 0
    height: int = 0
    clock_offset_ms: int | None = None  # camera's wall clock minus ours, from RTCP sender reports


class StreamCounters(Message, frozen=True):
    camera: str
    stream: StreamName
    recorded_until: Micros = 0
    frames: int = 0
    bytes: int = 0
    packets_lost: int = 0


class Heartbeat(Message, frozen=True):
    node: str
    at: Micros
    revision: int
    counters: tuple[StreamCounters, ...] = ()
    disk_used: int = 0
    disk_total: int = 0
    cpu_seconds: float = 0.0
    rss_bytes: int = 0
    alert: str = ""  # e.g. a full disk, in words


class HeartbeatAck(Message, frozen=True):
    revision: int
    error: str = ""


class SpanChange(Message, frozen=True):
    """A recorded span began or grew: (camera, stream, span.start) is its identity at this node.

    ``withdrawn`` deletes it: retention ended for its beginning, and another row says what is left.
    """

    camera: str
    stream: StreamName
    span: Span
    withdrawn: bool = False


class GapChange(Message, frozen=True):
    """A gap opened, closed or changed its cause: (camera, stream, gap.start, gap.partial) is its identity at this node.

    ``withdrawn`` deletes it: the interval turned out to be recorded after all.
    """

    camera: str
    stream: StreamName
    gap: Gap
    withdrawn: bool = False


class EventBatch(Message, frozen=True):
    """What happened, in order; kept by the node until acknowledged. Applying a batch twice changes nothing."""

    node: str
    first: int
    transitions: tuple[StreamStatus, ...] = ()
    spans: tuple[SpanChange, ...] = ()
    gaps: tuple[GapChange, ...] = ()


class LiveRequest(Message, frozen=True):
    """``fresh``: the asker has no init yet; publish one, with the group of pictures so far, even if the relay runs."""

    camera: str
    stream: StreamName
    fresh: bool = False


class LiveReply(Message, frozen=True):
    """``subject`` carries LiveMessages from now on; the first is an init with the group of pictures so far."""

    subject: str = ""
    error: str = ""


class LiveMessage(Message, frozen=True):
    """One WebSocket message to a browser.

    ``data`` is fMP4 (ISO/IEC 14496-12): for ``init`` the initialisation segment followed by every fragment since the last
    keyframe; else one fragment of one access unit. ``tfdt`` counts 1/90000 s since 1970 UTC in every track's timescale
    terms (wall clock), so a player knows the time of each picture. ``seq`` counts the messages of one relay.
    """

    seq: int = 0
    init: bool = False
    keyframe: bool = False
    mime: str = ""  # with init: e.g. video/mp4; codecs="avc1.64001f,mp4a.40.2"
    width: int = 0
    height: int = 0
    wall: Micros = 0  # presentation time of the last picture in data
    sent: Micros = 0  # when the node published it
    data: bytes = b""


class ReadRequest(Message, frozen=True):
    """Recorded media as fMP4 over [start, end). ``keyframes_only`` for fast scrubbing; ``zero_based`` for clips (first tfdt 0)."""

    camera: str
    stream: StreamName
    start: Micros
    end: Micros
    inbox: str
    keyframes_only: bool = False
    zero_based: bool = False
    video_only: bool = False
    credit: int = 8  # chunks the reader takes before it must send more credit


class ReadReply(Message, frozen=True):
    credit: str = ""  # subject for ReadCredit
    mime: str = ""
    error: str = ""


class ReadChunk(Message, frozen=True):
    seq: int
    data: bytes = b""
    until: Micros = 0  # media time reached
    last: bool = False
    error: str = ""


class ReadCredit(Message, frozen=True):
    chunks: int  # 0 ends the read


class SnapshotRequest(Message, frozen=True):
    """``at`` 0 is now. JPEG of the keyframe at or before the instant, scaled to ``width`` when not 0."""

    camera: str
    stream: StreamName = StreamName.MAIN
    at: Micros = 0
    width: int = 0


class SnapshotReply(Message, frozen=True):
    jpeg: bytes = b""
    at: Micros = 0
    error: str = ""


class CoverageRequest(Message, frozen=True):
    camera: str
    stream: StreamName
    start: Micros
    end: Micros


class CoverageReply(Message, frozen=True):
    spans: tuple[Span, ...] = ()
    gaps: tuple[Gap, ...] = ()
    error: str = ""


class EndViewing(Message, frozen=True):
    """What was opened at the node with these tokens may not go on. A node that misses it ends them when they expire."""

    tokens: tuple[str, ...]  # their ids


class ProbeRequest(Message, frozen=True):
    """Ask a camera what it is. Never guesses a password.

    A stream's address in ``url`` is played as given. Of a host the streams are found by ONVIF, then by the template of
    ``family`` (and ``brand``) in the catalogue, then ``by_hand``: addresses somebody wrote down.
    """

    url: str
    username: str = ""
    password: str = ""
    timeout_s: float = 10.0
    family: str = ""
    brand: str = ""
    by_hand: tuple[str, ...] = ()


class ProbedStream(Message, frozen=True):
    """``kbps`` is measured; ``kbps_limit`` is what the camera is set to, as ONVIF ``profile`` says."""

    url: str
    codec: str = ""
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    audio: str = ""
    transport: str = ""
    kbps: int = 0
    packets_lost: int = 0
    profile: str = ""
    kbps_limit: int = 0


class ProbeReply(Message, frozen=True):
    reachable: bool = False
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    onvif: bool = False
    clock_offset_s: float | None = None
    snapshot_url: str = ""
    streams: tuple[ProbedStream, ...] = ()
    error: str = ""
    remedy: str = ""
    mac: str = ""  # aa:bb:cc:dd:ee:ff
    snapshot_width: int = 0  # of a JPEG that was fetched; 0 when none was
    snapshot_height: int = 0
    snapshot_bytes: int = 0
    resolved_by: str = ""  # how the streams were found: onvif, template or given
