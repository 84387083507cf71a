"""The web side of a simulated recorder: digest sign-in that locks after a few wrong passwords, and pages it refuses."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import Literal

from khue.sim.auth import Doorman
from khue.sim.http import HttpReply, HttpRequest
from khue.sim.systems.channels import SimChannel
from khue.sim.systems.web import SimWeb

LOCKS_AFTER = 5
_Auth = Literal["digest-md5", "digest-sha256", "basic"]


class SimRecorder(SimWeb):
    """``async with ...Recorder(channels) as recorder`` listens on ``recorder.url``. ``refuses`` are paths answered with 403.

    Subclasses say how they look in ``page`` and in ``refusal``. ``asked`` are the paths that were asked for.
    """

    realm = "recorder"

    def __init__(
        self,
        channels: Sequence[SimChannel],
        *,
        name: str = "NVR UBND",
        username: str = "admin",
        password: str = "Nvr-2026",
        auth: _Auth = "digest-md5",
        refuses: Collection[str] = (),
        rtsp_port: int = 554,
    ) -> None:
        super().__init__()
        self.channels, self.name, self.rtsp_port = list(channels), name, rtsp_port
        self.username, self.password = username, password
        self.doorman = Doorman(auth, self.realm, username, password, qop=True)
        self.asked: list[str] = []
        self._refuses = frozenset(refuses)

    @abstractmethod
    def page(self, request: HttpRequest) -> HttpReply | None:
        """What a signed-in user gets; None: there is no such page."""

    @abstractmethod
    def refusal(self, status: int, request: HttpRequest) -> HttpReply:
        """401, 403 and 404 as this make words them."""

    async def _answer(self, request: HttpRequest) -> HttpReply:
        self.asked.append(request.path)
        users = self.doorman.users
        good, stale = self.doorman.check(request.method, request.headers.get("authorization", ""))
        if not good or users.refused >= LOCKS_AFTER:
            asked = tuple(("WWW-Authenticate", value) for value in self.doorman.challenges(stale=stale))
            return self.refusal(401, request)._replace(headers=asked)
        if request.path in self._refuses:
            return self.refusal(403, request)
        return self.page(request) or self.refusal(404, request)
