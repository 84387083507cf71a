"""Playback, stills, coverage and clips."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from khue.centre.access.rules import Action, Role
from khue.centre.access.service import Access, Caller
from khue.centre.access.watch import AccessWatch
from khue.centre.playback.clips import Clips
from khue.centre.playback.service import Playback, check_period
from khue.centre.ports import Row
from khue.model.camera import StreamName
from khue.model.coverage import GapCause
from khue.model.errors import Conflict, NotFound
from khue.model.time import to_datetime

From = Annotated[dt.datetime, QueryParameter(name="from", description="RFC 3339, inclusive")]
To = Annotated[dt.datetime, QueryParameter(name="to", description="RFC 3339, exclusive")]


class SpanOut(msgspec.Struct):
    start: dt.datetime
    end: dt.datetime


class GapOut(msgspec.Struct):
    """``end`` is null while it lasts. Partial gaps lie inside spans: packets were lost there, the rest was kept."""

    start: dt.datetime
    end: dt.datetime | None
    cause: GapCause
    detail: str
    partial: bool


class CoverageOut(msgspec.Struct, rename={"start": "from", "end": "to"}):
    """``away`` are nodes that could not be asked; for them stands what they last reported."""

    start: dt.datetime
    end: dt.datetime
    stream: StreamName
    spans: list[SpanOut]
    gaps: list[GapOut]
    away: list[str]


class ClipIn(msgspec.Struct, rename={"start": "from", "end": "to"}):
    camera: str
    start: dt.datetime
    end: dt.datetime
    stream: StreamName = StreamName.MAIN


class ClipOut(msgspec.Struct, rename={"start": "from", "end": "to"}):
    """``state`` is running, done or failed (then ``error`` says why). ``sha256`` is of the whole file."""

    id: str
    camera: str
    stream: StreamName
    start: dt.datetime
    end: dt.datetime
    state: str
    bytes: int
    progress: float
    sha256: str
    error: str
    created: dt.datetime


class ClipsOut(msgspec.Struct):
    items: list[ClipOut]


class PlaybackController(Controller):
    path = "/api/v1/cameras/{camera:str}"
    tags = ("playback",)

    @get("/coverage", summary="What was recorded, and why the rest was not")
    async def coverage(
        self,
        camera: FromPath[str],
        start: From,
        end: To,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        playback: NamedDependency[Playback],
        stream: FromQuery[StreamName] = StreamName.MAIN,
    ) -> CoverageOut:
        await access.permit(caller, Action.COVERAGE, camera=camera, stream=stream, period=(start, end))
        found, away = await playback.coverage(camera, stream, start, end)
        return CoverageOut(
            start=start,
            end=end,
            stream=stream,
            spans=[SpanOut(to_datetime(span.start), to_datetime(span.end)) for span in found.spans],
            gaps=[
                GapOut(
                    to_datetime(gap.start),
                    None if gap.end is None else to_datetime(gap.end),
                    gap.cause,
                    gap.detail,
                    gap.partial,
                )
                for gap in found.gaps
            ],
            away=away,
        )

    @get("/snapshot", summary="A still", media_type="image/jpeg")
    async def snapshot(
        self,
        camera: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        playback: NamedDependency[Playback],
        at: FromQuery[dt.datetime | None] = None,
        width: Annotated[int, QueryParameter(ge=0, le=8192)] = 0,
        stream: FromQuery[StreamName] = StreamName.MAIN,
    ) -> Response[bytes]:
        """The keyframe at or before ``at``, or the newest. X-Khue-At is when it was taken."""
        if at is not None:
            check_period(at, at + dt.timedelta(seconds=1))
        await access.permit(
            caller, Action.SNAPSHOT, camera=camera, stream=stream, period=None if at is None else (at, at)
        )
        still = await playback.snapshot(camera, stream, at, width)
        headers = {"X-Khue-At": _rfc3339(to_datetime(still.at)), "Cache-Control": "private, no-store"}
        return Response(still.jpeg, media_type="image/jpeg", headers=headers)

    @get("/playback", summary="Recorded media as fragmented MP4", media_type="video/mp4")
    async def playback(
        self,
        camera: FromPath[str],
        start: From,
        end: To,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        watch: NamedDependency[AccessWatch],
        playback: NamedDependency[Playback],
        stream: FromQuery[StreamName] = StreamName.MAIN,
        keyframes: Annotated[int, QueryParameter(ge=0, le=1)] = 0,
    ) -> Stream:
        """Decode times count from 1970 UTC. Sent as fast as it is read; X-Khue-Mime is for SourceBuffer."""
        check_period(start, end)
        decision = await access.permit(caller, Action.PLAYBACK, camera=camera, stream=stream, period=(start, end))
        media = await playback.open(camera, stream, start, end, keyframes_only=bool(keyframes))
        headers = {"X-Khue-Mime": media.mime, "Cache-Control": "private, no-store"}
        pieces = watch.guard(caller, Action.PLAYBACK, camera, decision, media.bytes())
        return Stream(pieces, media_type="video/mp4", headers=headers)


class ClipController(Controller):
    path = "/api/v1/clips"
    tags = ("clips",)

    @post(summary="Order a clip", status_code=202)
    async def order(
        self,
        data: JSONBody[ClipIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        clips: NamedDependency[Clips],
    ) -> ClipOut:
        check_period(data.start, data.end)
        await access.permit(
            caller, Action.CLIP_CREATE, camera=data.camera, stream=data.stream, period=(data.start, data.end)
        )
        return _clip(await clips.order(caller.account, data.camera, data.stream, data.start, data.end))

    @get(summary="Clips, newest first")
    async def list_clips(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        clips: NamedDependency[Clips],
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 50,
    ) -> ClipsOut:
        """One's own; an administrator sees everybody's."""
        await access.permit(caller, Action.CLIP_READ)
        return ClipsOut([_clip(row) for row in await clips.find(caller.account, limit)])

    @get("/{clip:str}", summary="One clip and its progress")
    async def get_clip(
        self,
        clip: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        clips: NamedDependency[Clips],
    ) -> ClipOut:
        await access.permit(caller, Action.CLIP_READ)
        return _clip(await _own(clips, clip, caller))

    @get("/{clip:str}/file", summary="Download a clip", media_type="video/mp4")
    async def download(
        self,
        clip: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        watch: NamedDependency[AccessWatch],
        clips: NamedDependency[Clips],
    ) -> Stream:
        """X-Content-SHA256 is the hash of what follows."""
        row = await _own(clips, clip, caller)
        decision = await access.permit(
            caller,
            Action.CLIP_DOWNLOAD,
            camera=row["camera"],
            stream=row["stream"],
            period=(row["started"], row["ended"]),
            detail=f"clip {clip}",
        )
        if row["state"] != "done":
            raise Conflict(f"the clip is {row['state']}: {row['error'] or 'wait for it to be done'}")
        file = clips.file(clip)
        first = await anext(file)
        name = f"{row['camera']}-{row['stream']}-{row['started']:%Y%m%dT%H%M%SZ}.mp4"
        headers = {
            "Content-Length": str(row["bytes"]),
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-SHA256": row["sha256"],
            "Cache-Control": "private, no-store",
        }
        pieces = watch.guard(caller, Action.CLIP_DOWNLOAD, row["camera"], decision, _with(first, file))
        return Stream(pieces, media_type="video/mp4", headers=headers)


async def _own(clips: Clips, clip: str, caller: Caller) -> Row:
    row = await clips.get(caller.account, clip)
    if row["account"] != caller.account.id and caller.account.role is not Role.ADMINISTRATOR:
        raise NotFound("there is no such clip")
    return row


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _clip(row: Row) -> ClipOut:
    return ClipOut(
        id=row["id"],
        camera=row["camera"],
        stream=StreamName(row["stream"]),
        start=row["started"],
        end=row["ended"],
        state=row["state"],
        bytes=row["bytes"],
        progress=row["progress"],
        sha256=row["sha256"],
        error=row["error"],
        created=row["created"],
    )


def _rfc3339(moment: dt.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
