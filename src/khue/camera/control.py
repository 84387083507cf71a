"""One RTSP connection: requests and their replies, authentication, and the media that arrives in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from khue.camera.auth import Authenticator
from khue.camera.interleaved import Kind, Piece, split
from khue.camera.rtsp import Message, build_request, parse_message
from khue.camera.stream import Stream
from khue.model.address import redact
from khue.model.coverage import GapCause
from khue.model.errors import CameraProtocolError, CameraRefused, CameraUnreachable

MAX_EARLY_MEDIA = 8 * 1024 * 1024
_MAX_STALE = 3

_REMEDIES = {
    400: "the camera did not understand the request; try the other transport, or newer firmware",
    403: "this user may not watch; give it the right to view live video on the camera",
    404: "there is no such stream; check the path and the channel number",
    406: "it cannot describe this stream as SDP",
    453: "no bandwidth left for another viewer; close other viewers or lower the bit rate",
    454: "it does not know the session any more; it may have restarted",
    461: "it does not offer this transport; set the camera's transport to the other one",
    500: "internal error in the camera; restart it if it stays so",
    503: "it is overloaded or has no session left; close other viewers or restart it",
}


class PasswordRefused(CameraRefused):
    """The camera wants another user name or password. Trying again soon brings the account closer to its lock."""


class Control:
    """Speaks RTSP over ``stream``. Every reply comes within ``reply_timeout_s`` or raises."""

    def __init__(self, stream: Stream, auth: Authenticator, reply_timeout_s: float) -> None:
        self.stream = stream
        self.auth = auth
        self.session_id = ""
        self.playing = False
        self.cseq = 0
        self._reply_timeout_s = reply_timeout_s
        self._buffer = bytearray()
        self._early = bytearray()
        self._accepted = False
        self._understood = False

    @property
    def where(self) -> str:
        return self.stream.where

    def received(self) -> bytes:
        """All that came after the last reply, with the media that came before it."""
        return bytes(self._early + self._buffer)

    async def ask(self, method: str, url: str, headers: Sequence[tuple[str, str]] = ()) -> Message:
        """The reply, whatever its status; a 401 is not answered."""
        request = self.build(method, url, headers)
        try:
            async with asyncio.timeout(self._reply_timeout_s):
                await self.stream.write(request)
                return await self._reply()
        except TimeoutError:
            raise CameraUnreachable(
                f"{self.where}: no reply to {method} within {self._reply_timeout_s:g} s; the camera is overloaded "
                "or hangs; restart it if it stays so",
                cause=GapCause.CAMERA,
            ) from None

    async def request(self, method: str, url: str, headers: Sequence[tuple[str, str]] = ()) -> Message:
        """The reply once authentication is settled; CameraRefused when it cannot be."""
        stale = retried = 0
        while True:
            answered = bool(self.auth.scheme)
            reply = await self.ask(method, url, headers)
            if reply.status != 401:
                self._accepted = self._accepted or answered
                return reply
            is_stale = check_challenge(self.auth, reply, self.where)
            # Without the stale flag a 401 is a wrong password, unless the same password was accepted before.
            if is_stale and stale < _MAX_STALE:
                stale += 1
            elif not answered or (self._accepted and not retried):
                retried += 1
            else:
                raise password_refused(self.auth, self.where)

    def build(self, method: str, url: str, headers: Sequence[tuple[str, str]] = ()) -> bytes:
        """The next request's bytes, numbered and with session and authorization."""
        self.cseq += 1
        fields = list(headers)
        if self.session_id:
            fields.append(("Session", self.session_id))
        if authorization := self.auth.header(method, url):
            fields.append(("Authorization", authorization))
        try:
            return build_request(method, url, self.cseq, fields)
        except ValueError:
            raise CameraRefused(f"{self.where}: a line break or a space in the address or the user name") from None

    async def _reply(self) -> Message:
        while True:
            message = self._take_message()
            if message is None:
                self._buffer += await self.stream.read()
            elif message.status >= 200 and (message.cseq is None or message.cseq >= self.cseq):
                return message  # not: 1xx, a late reply to an earlier request, or a request of the camera's own

    def _take_message(self) -> Message | None:
        """The first message received. Frames before it are kept: a camera may play before it says so."""
        message = None
        consumed = 0
        for piece in split(self._buffer):
            consumed = piece.end
            if piece.kind is Kind.FRAME:
                self._early += self._buffer[piece.start : piece.end]
            elif piece.kind is Kind.MESSAGE:
                parsed = parse_message(self._buffer, piece.start)
                message = parsed[0] if parsed else None
                self._understood = True
                break
            elif not self.playing:
                self._refuse_garbage(piece)
        del self._buffer[:consumed]
        if len(self._early) > MAX_EARLY_MEDIA:
            raise CameraProtocolError(f"{self.where}: {len(self._early)} bytes of media and no reply to the request")
        return message

    def _refuse_garbage(self, piece: Piece) -> None:
        garbage = bytes(self._buffer[piece.start : piece.end])
        if not garbage.strip():
            return
        if garbage[:2] == b"\x15\x03" and not self._understood:
            raise CameraProtocolError(f"{self.where}: it speaks TLS on this port; use rtsps:// instead of rtsp://")
        try:
            parse_message(self._buffer, piece.start)
        except CameraProtocolError as error:
            raise CameraProtocolError(f"{self.where}: {redact(str(error))}") from None
        raise CameraProtocolError(f"{self.where}: {len(garbage)} bytes that are no RTSP: {garbage[:16]!r}")


def check_challenge(auth: Authenticator, reply: Message, where: str) -> bool:
    """Take in a 401's challenge; True when only the nonce was stale. CameraRefused when it cannot be answered."""
    values = reply.headers.all("WWW-Authenticate")
    challenge = auth.challenge(values)
    if challenge is None:
        offer = ", ".join(value.split()[0] for value in values if value) or "nothing"
        raise CameraRefused(f"{where}: 401, and it offers {offer[:80]} where Digest or Basic is expected")
    if not auth.available:
        raise PasswordRefused(
            f"{where}: 401 with {challenge}: it asks for a user name and password, and none is set; "
            "enter those of the camera"
        )
    return challenge.stale


def password_refused(auth: Authenticator, where: str) -> PasswordRefused:
    """The one error for a wrong password."""
    return PasswordRefused(
        f"{where}: 401 with {auth.scheme}: password refused; check the user name and password of the camera "
        "(several wrong attempts may have locked the account for some minutes)"
    )


def refusal(reply: Message, method: str, where: str) -> CameraRefused:
    """Words for any other status that is no success."""
    reason = redact("".join(c for c in reply.reason if c.isprintable()))[:80]
    remedy = _REMEDIES.get(reply.status, "the camera's log may say why")
    return CameraRefused(f"{where}: {method} refused with {f'{reply.status} {reason}'.rstrip()}; {remedy}")
