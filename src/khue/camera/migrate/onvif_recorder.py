"""The channels of any recorder that speaks ONVIF Profile G (Recording 1 and Search 1 beside Media 1).

Profiles that share a video source are the streams of one channel. A recording says what a channel is called and where it
hangs; which recording belongs to which channel is told by its job, or by the source it names, and never by its place in a list.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from khue.camera.control import PasswordRefused
from khue.camera.migrate.brands import family_of
from khue.camera.migrate.found import CameraList, Found, LeftOut, host_of, made, megapixels, stream, words
from khue.camera.onvif import OnvifCamera, Profile
from khue.model.errors import CameraError, CameraProtocolError, CameraRefused

_MAX_PROFILES = 2048
_MAX_RECORDINGS = 1024


class Recording(msgspec.Struct, frozen=True):
    """GetRecordings, one item. ``source``: the id of what is recorded, as its writer chose it."""

    token: str
    source: str = ""
    name: str = ""
    location: str = ""
    address: str = ""
    tracks: tuple[str, ...] = ()


class Summary(msgspec.Struct, frozen=True):
    """GetRecordingSummary."""

    since: dt.datetime | None
    until: dt.datetime | None
    recordings: int


class OnvifRecorder(OnvifCamera):
    """``async with OnvifRecorder(...) as recorder``. Every call raises CameraError."""

    async def recordings(self) -> tuple[Recording, ...]:
        answer = await (await self._service("recording")).call("GetRecordings")
        return tuple(recording for item in _listed(answer) if (recording := _recording(item)).token)

    async def recorded_profiles(self) -> dict[str, str]:
        """GetRecordingJobs: profile (or receiver) token -> recording token."""
        answer = await (await self._service("recording")).call("GetRecordingJobs")
        found: dict[str, str] = {}
        for item in _listed(answer):
            job = getattr(item, "JobConfiguration", None)
            for source in _listed(getattr(job, "Source", None)):
                token = _text(getattr(source, "SourceToken", None), "Token")
                if token:
                    found.setdefault(token, _text(job, "RecordingToken"))
        return found

    async def summary(self) -> Summary:
        answer = await (await self._service("search")).call("GetRecordingSummary")
        number = getattr(answer, "NumberRecordings", None)
        return Summary(
            _moment(answer, "DataFrom"), _moment(answer, "DataUntil"), number if isinstance(number, int) else 0
        )


class Channel(msgspec.Struct):
    """One video source with its profiles, the largest first, and the addresses of the first two."""

    token: str
    profiles: list[Profile]
    urls: list[str] = []
    says: list[str] = []


def channels(profiles: Iterable[Profile]) -> list[Channel]:
    """By video source, in the recorder's order. A profile without a source is a channel of its own."""
    found: dict[str, Channel] = {}
    for profile in profiles:
        token = profile.source or f"profile {profile.token}"
        found.setdefault(token, Channel(token, [])).profiles.append(profile)
    for channel in found.values():
        channel.profiles.sort(key=lambda profile: -profile.width * profile.height)
    return list(found.values())


def recording_of(channel: Channel, recordings: Sequence[Recording], jobs: dict[str, str]) -> Recording | None:
    """The recording whose job reads a profile of this channel, or that names its source; None when nothing says so."""
    tokens = {profile.token for profile in channel.profiles}
    by_job = {jobs[token] for token in tokens if token in jobs}
    own = {channel.token, *tokens}
    found = [one for one in recordings if one.token in by_job] or [one for one in recordings if one.source in own]
    return found[0] if found else None


async def read(recorder: OnvifRecorder, host: str, username: str, password: str) -> CameraList:
    """Ask a recorder. What it refuses beside identity and profiles costs what stands there, not the list. Raises CameraError."""
    identity = await recorder.identity()
    found = channels(await recorder.profiles(_MAX_PROFILES))
    if not found:
        raise CameraProtocolError(f"{host}: it has no media profiles; switch ONVIF on for its channels")
    says: list[str] = []
    recordings, jobs = await _recorded(recorder, says)
    cameras, left_out = [], []
    for channel in found:
        await _streams(recorder, channel)
        recording = recording_of(channel, recordings, jobs)
        if not channel.urls and recording is None:
            left_out.append(LeftOut(_where(channel), _name(channel, None), "; ".join(channel.says) or "no stream"))
        else:
            cameras.append(_camera(channel, recording, host, username, password))
    system = " ".join(filter(None, (identity.manufacturer, identity.model, identity.serial))) or host
    return made(system, cameras, left_out, says)


async def _recorded(recorder: OnvifRecorder, says: list[str]) -> tuple[tuple[Recording, ...], dict[str, str]]:
    try:
        recordings = await recorder.recordings()
    except CameraRefused as error:
        if isinstance(error, PasswordRefused):
            raise
        says.append(f"{error}: names come from its media profiles")
        return (), {}
    jobs: dict[str, str] = {}
    try:
        jobs = await recorder.recorded_profiles()
        summary = await recorder.summary()
    except CameraError as error:
        if isinstance(error, PasswordRefused):
            raise
        says.append(str(error))
    else:
        if summary.since and summary.until:
            says.append(
                f"it holds recordings from {summary.since:%Y-%m-%d %H:%M} to {summary.until:%Y-%m-%d %H:%M} UTC"
            )
    return recordings, jobs


async def _streams(recorder: OnvifRecorder, channel: Channel) -> None:
    """The largest profile, and the smallest other one."""
    wanted = channel.profiles[:1] + channel.profiles[1:][-1:]
    for profile in wanted:
        try:
            url = stream(await recorder.stream_url(profile.token))[0]
        except CameraError as error:
            if isinstance(error, PasswordRefused):
                raise
            channel.says.append(f"no stream: {words(str(error))}")
            continue
        if url and url not in channel.urls:
            channel.urls.append(url)


def _camera(channel: Channel, recording: Recording | None, host: str, username: str, password: str) -> Found:
    first = channel.profiles[0]
    address = recording.address if recording else ""
    main, sub = (*channel.urls, "", "")[:2]
    return Found(
        where=_where(channel),
        name=_name(channel, recording),
        family=family_of(main),  # the make of what is behind a channel is not told; the recorder's is no camera's
        kind="ptz" if first.ptz else "",
        megapixels=megapixels(first.width, first.height),
        host=host_of(address) or host,
        address=recording.location if recording else "",
        rtsp_main=main,
        rtsp_sub=sub,
        username=username if main else "",
        password=password if main else "",
        says=tuple(channel.says),
    )


def _where(channel: Channel) -> str:
    return f"source {words(channel.token)}"


def _name(channel: Channel, recording: Recording | None) -> str:
    """As its recording calls it, else its video source, unless that is only its token again."""
    first = channel.profiles[0]
    said = [recording.name if recording else "", first.source_name, first.name]
    return next((words(name) for name in said if words(name) and name not in (channel.token, first.token)), "")


def _recording(item: Any) -> Recording:
    source = getattr(getattr(item, "Configuration", None), "Source", None)
    tracks = _listed(getattr(getattr(item, "Tracks", None), "Track", None))
    return Recording(
        token=_text(item, "RecordingToken"),
        source=_text(source, "SourceId"),
        name=_text(source, "Name"),
        location=words(_text(source, "Location")),
        address=_text(source, "Address"),
        tracks=tuple(_text(getattr(track, "Configuration", None), "TrackType") for track in tracks),
    )


def _listed(answer: Any) -> list[Any]:
    return answer[:_MAX_RECORDINGS] if isinstance(answer, list) else []


def _text(value: Any, name: str) -> str:
    found = getattr(value, name, None)
    return found.strip()[:1000] if isinstance(found, str) else ""


def _moment(value: Any, name: str) -> dt.datetime | None:
    found = getattr(value, name, None)
    if not isinstance(found, dt.datetime):
        return None
    return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)
