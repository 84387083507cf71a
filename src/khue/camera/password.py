"""Change a camera's password on the camera: ONVIF SetUser, proved by signing in, taken back when it does not hold.

A password is only ever one of the two that were given, and each is tried once a step: cameras lock accounts. Neither is
in any message, error or representation.
"""

from __future__ import annotations

import asyncio
import enum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from khue.camera.auth import Authenticator
from khue.camera.control import Control, PasswordRefused, refusal
from khue.camera.door import find_onvif
from khue.camera.session import parse_target
from khue.camera.stream import connect
from khue.model.address import fill_credentials, redact
from khue.model.errors import CameraError, CameraRefused, CameraUnreachable
from khue.model.time import Clock, SystemClock
from khue.wire.onboarding import Holds, PasswordReply, PasswordRequest

if TYPE_CHECKING:
    from khue.camera.onvif import OnvifCamera, User

_PAUSE_S = 1.0  # a camera may restart its services after a change
_WAIT_S = 5.0
_UNSUPPORTED = ("actionnotsupported", "not supported", "notsupported", "not implemented", "optional action")
BY_HAND = "change it on the camera's own page, then enter the new one here"


class _Answer(enum.Enum):
    YES = "yes"
    NO = "no"
    SILENT = "silent"


class _Change(msgspec.Struct, frozen=True):
    """The request, with its time limit as an instant."""

    request: PasswordRequest
    deadline: float
    clock: Clock

    def __repr__(self) -> str:
        return repr(self.request)

    def left(self) -> float:
        return max(0.5, min(_WAIT_S, self.deadline - self.clock.monotonic()))

    @property
    def expired(self) -> bool:
        return self.clock.monotonic() >= self.deadline


async def change_password(request: PasswordRequest, *, clock: Clock | None = None) -> PasswordReply:
    """What holds now. A camera's failure is no exception but ``error`` and ``remedy``; neither carries a secret."""
    clock = clock or SystemClock()
    change = _Change(request, clock.monotonic() + request.timeout_s, clock)
    if not request.username or not request.new or request.new == request.old:
        return PasswordReply(error="a change of password needs a user name and a new password", remedy="give both")
    try:
        change = await _device(change)
        return await (_which_holds(change) if request.check else _change(change))
    except CameraError as error:
        return _failed(Holds.UNKNOWN, error)


async def _change(change: _Change) -> PasswordReply:
    request = change.request
    told = False
    try:
        async with _camera(change, request.old) as camera:
            user = await _user(camera, request.username)
            told = True
            await camera.set_password(user, request.new)
    except CameraRefused as error:
        return _failed(Holds.OLD if told else Holds.UNKNOWN, _in_words(error))
    except CameraError as error:
        if not told:
            return _failed(Holds.UNKNOWN, error)
        reply = await _which_holds(change)  # it may have changed it and hung up
    else:
        reply = await _proven(change)
    return msgspec.structs.replace(reply, told=True)


async def _user(camera: OnvifCamera, name: str) -> User:
    user = next((one for one in await camera.users() if one.name == name), None)
    if user is None:
        raise CameraRefused(f"the camera has no user {name}; correct the user name")
    return user


async def _proven(change: _Change) -> PasswordReply:
    """It said yes. Sign in with the new one, over ONVIF and at the stream; put the old one back when either fails."""
    request = change.request
    answer = await _patiently(change, request.new)
    if answer is not _Answer.YES:
        return await _not_new(change, answer)
    if not request.stream_url or await _stream_takes(change, request.new) is not _Answer.NO:
        return PasswordReply(holds=Holds.NEW)
    reply = await _put_back(change)
    return msgspec.structs.replace(
        reply,
        error="the camera changed the password for ONVIF and not for its stream" + reply.error,
        remedy=f"its ONVIF users are apart; {BY_HAND}",
    )


async def _put_back(change: _Change) -> PasswordReply:
    request = change.request
    try:
        async with _camera(change, request.new) as camera:
            await camera.set_password(await _user(camera, request.username), request.old)
    except CameraError:
        pass  # whether it took shows at the sign-in
    if await _patiently(change, request.old) is _Answer.YES:
        return PasswordReply(holds=Holds.OLD, rolled_back=True)
    return PasswordReply(holds=Holds.UNKNOWN, error="; putting the old one back could not be proved")


async def _not_new(change: _Change, answer: _Answer) -> PasswordReply:
    """The new one is not taken, or nobody answers."""
    if answer is _Answer.SILENT:
        return PasswordReply(
            error="the camera took the order and then fell silent",
            remedy="wait until it answers again; both passwords are kept and tried then",
        )
    if await _patiently(change, change.request.old) is _Answer.YES:
        return PasswordReply(
            holds=Holds.OLD, error="the camera said that it changed the password and did not", remedy=BY_HAND
        )
    return PasswordReply(
        holds=Holds.NEITHER,
        error="the camera takes neither the new password nor the old one",
        remedy="it may have locked the account for some minutes; both are kept and tried again",
    )


async def _which_holds(change: _Change) -> PasswordReply:
    """The new one first: it was meant to hold."""
    request = change.request
    answer = await _patiently(change, request.new)
    if answer is _Answer.YES:
        if not request.stream_url or await _stream_takes(change, request.new) is not _Answer.NO:
            return PasswordReply(holds=Holds.NEW)
        return await _put_back(change)
    return await _not_new(change, answer)


async def _patiently(change: _Change, password: str) -> _Answer:
    """Whether the camera lets this password in; one that does not answer is asked again until the time is over."""
    while True:
        try:
            async with _camera(change, password) as camera:
                await camera.users()  # which no camera shows to strangers
            return _Answer.YES
        except PasswordRefused:
            return _Answer.NO
        except CameraUnreachable:
            if change.expired:
                return _Answer.SILENT
        await asyncio.sleep(min(_PAUSE_S, change.left()))


async def _stream_takes(change: _Change, password: str) -> _Answer:
    """DESCRIBE with the password: some cameras keep ONVIF users apart from those who may watch."""
    request = change.request
    try:
        target = parse_target(request.stream_url)
        stream = await connect(target.host, target.port, tls=target.tls, tls_verify=False, timeout_s=change.left())
    except CameraError:
        return _Answer.SILENT
    try:
        control = Control(stream, Authenticator(request.username, password), change.left())
        url = fill_credentials(target.url, request.username, password)
        reply = await control.request("DESCRIBE", url, [("Accept", "application/sdp")])
        if not reply.ok:
            raise refusal(reply, "DESCRIBE", stream.where)
        return _Answer.YES
    except PasswordRefused:
        return _Answer.NO
    except CameraError:
        return _Answer.SILENT
    finally:
        stream.close()


def _camera(change: _Change, password: str) -> OnvifCamera:
    from khue.camera.onvif import OnvifCamera  # costly to import, see khue.camera.soap

    parts = urlsplit(change.request.url)
    return OnvifCamera(
        parts.hostname or "", parts.port or 0, change.request.username, password,
        path=parts.path, tls=parts.scheme == "https", timeout_s=change.left(), clock=change.clock,
    )  # fmt: skip


async def _device(change: _Change) -> _Change:
    """The same with the device's exact address, found without a password."""
    url = change.request.url if "://" in change.request.url else f"http://{change.request.url}"
    try:
        known = bool(urlsplit(url).hostname) and urlsplit(url).scheme in ("http", "https")
    except ValueError:
        known = False
    if not known:
        raise CameraRefused("this is no ONVIF address; write http://host[:port]")
    while (camera := await find_onvif(url, "", "", timeout_s=change.left(), clock=change.clock)) is None:
        if change.expired:
            raise CameraUnreachable(
                f"{redact(url)}: nothing answers ONVIF there; check that the camera is on, and its address and port"
            )
        await asyncio.sleep(_PAUSE_S)
    await camera.close()
    return msgspec.structs.replace(change, request=msgspec.structs.replace(change.request, url=camera.device_url))


def _in_words(error: CameraRefused) -> CameraRefused:
    text = str(error)
    if any(words in text.casefold() for words in _UNSUPPORTED):
        return CameraRefused(f"the camera does not let its passwords be changed over ONVIF; {BY_HAND}")
    return CameraRefused(text if "; " in text else f"{text}; {BY_HAND}")


def _failed(holds: Holds, error: CameraError) -> PasswordReply:
    what, _, remedy = str(error).partition("; ")
    return PasswordReply(holds=holds, error=what, remedy=remedy)
