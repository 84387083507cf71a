"""The session description a simulated camera gives (RFC 8866), with its vendor's oddities."""

from __future__ import annotations

import base64

from khue.sim.audio import AAC_CONFIG
from khue.sim.broadcast import AAC_TYPE, METADATA_TYPE, VIDEO_TYPE, Feed
from khue.sim.encode import EncodedScene


def describe(
    scene: EncodedScene, feeds: list[Feed], audio: str, url: str, oddities: frozenset[str], *, with_sets: bool
) -> bytes:
    """``url`` is the stream's own, without credentials; ``with_sets`` puts the parameter sets into fmtp."""
    lines = ["v=0", "o=- 1735689600 1 IN IP4 0.0.0.0", "s=Media Presentation", "c=IN IP4 0.0.0.0", "t=0 0"]
    if "session-control-url" in oddities:
        lines.append(f"a=control:{url}/")
    elif "no-session-control" not in oddities and "no-media-control" not in oddities:
        lines.append("a=control:*")
    if "vendor-attributes" in oddities:
        lines += [
            "a=packetization-supported:DH",
            "a=Media_header:MEDIAINFO=494D4B48010100000400000100000000;",
            "e=NONE",
        ]
    lines.append("a=range:npt=0-")
    for index, feed in enumerate(feeds):
        media = {"video": _video, "audio": _audio, "metadata": _metadata}[feed.kind]
        lines += media(scene, audio, with_sets=with_sets)
        if "absolute-control" in oddities:
            lines.append(f"a=control:{url}/trackID={index + 1}")
        elif "no-media-control" not in oddities:
            lines.append(f"a=control:trackID={index + 1}")
        lines.append("a=recvonly")
    if "odd-case" in oddities:
        lines = [_odd_case(line) for line in lines]
    end = "\n" if "lf" in oddities else "\r\n"
    return (end.join(lines) + end).encode()


def _odd_case(line: str) -> str:
    """Encoding names are case-insensitive (RFC 8866 §6.6); some firmware takes that at its word."""
    return line.lower() if line.startswith("a=rtpmap") else line


def _video(scene: EncodedScene, _audio: str, *, with_sets: bool) -> list[str]:
    spec = scene.spec
    name = "H264" if spec.codec == "h264" else "H265"
    lines = [f"m=video 0 RTP/AVP {VIDEO_TYPE}", f"b=AS:{spec.kbps}", f"a=rtpmap:{VIDEO_TYPE} {name}/90000"]
    encoded = [base64.b64encode(nal).decode() for nal in scene.sets]
    if spec.codec == "h264":
        level = scene.sets[0][1:4].hex().upper()
        sets = f";sprop-parameter-sets={','.join(encoded)}" if with_sets else ""
        lines.append(f"a=fmtp:{VIDEO_TYPE} packetization-mode=1;profile-level-id={level}{sets}")
    elif with_sets:
        names = ("sprop-vps", "sprop-sps", "sprop-pps")
        sets = "; ".join(f"{key}={value}" for key, value in zip(names, encoded, strict=True))
        lines.append(f"a=fmtp:{VIDEO_TYPE} {sets}")
    lines += [f"a=framerate:{spec.fps:g}", f"a=x-dimensions:{spec.width},{spec.height}"]
    return lines


def _audio(_scene: EncodedScene, audio: str, *, with_sets: bool) -> list[str]:
    if audio == "aac":
        mode = "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3"
        return [
            f"m=audio 0 RTP/AVP {AAC_TYPE}",
            f"a=rtpmap:{AAC_TYPE} MPEG4-GENERIC/16000/1",
            f"a=fmtp:{AAC_TYPE} {mode};config={AAC_CONFIG.hex().upper()}",
        ]
    if audio == "pcma":
        return ["m=audio 0 RTP/AVP 8", "a=rtpmap:8 PCMA/8000"]
    return ["m=audio 0 RTP/AVP 0"]  # mu-law is static payload type 0 (RFC 3551 §6): many cameras leave the rtpmap out


def _metadata(_scene: EncodedScene, _audio: str, *, with_sets: bool) -> list[str]:
    return [f"m=application 0 RTP/AVP {METADATA_TYPE}", f"a=rtpmap:{METADATA_TYPE} vnd.onvif.metadata/90000"]
