"""A camera gets a new password: written here before it is told, kept only when it was proved. Design: design/08."""

from __future__ import annotations

import asyncio
import logging
import secrets
import string

import msgspec

from khue.centre.access.rules import Account
from khue.centre.errors import Invalid
from khue.centre.fleet.cameras import Cameras, Credentials
from khue.centre.fleet.service import Fleet
from khue.centre.ids import new_id
from khue.centre.link import NodeLink
from khue.centre.onboarding.asking import Target, Targets
from khue.centre.ports import Database, Row
from khue.centre.registry.actor import as_actor
from khue.centre.secrets import Vault
from khue.centre.sql import Queries
from khue.model.errors import Conflict, KhueError, LinkError, NotFound
from khue.wire.onboarding import Holds, PasswordReply, PasswordRequest

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
_TIMEOUT_S = 10.0  # for the camera; the node may need a little longer
_LEASE_S = 30.0  # beyond what the node needs, so that nobody asks while it still works
_LOOK_S = 5.0
_LONGEST_WAIT_S = 3600.0
_TRIES = 6  # of a camera that takes neither: each costs it two wrong passwords
_LENGTH = 14  # what the strictest firmware takes: 8 to 16, two kinds of letters and a digit
_LONGEST = 64


class Outcome(msgspec.Struct, frozen=True):
    """``state`` is done, failed or pending: then both passwords are kept and the camera is asked again later."""

    state: str
    changed: bool
    verified: bool
    rolled_back: bool
    detail: str


class Rotations:
    """At most one at a time per camera; those nobody finished are finished by whichever replica sees them."""

    def __init__(
        self, database: Database, link: NodeLink, fleet: Fleet, cameras: Cameras, targets: Targets, vault: Vault
    ) -> None:
        self._database = database
        self._link = link
        self._fleet = fleet
        self._cameras = cameras
        self._targets = targets
        self._vault = vault

    async def rotate(self, by: Account, camera: str, password: str = "") -> Outcome:
        """A random one unless one is given. Raises NotFound, Invalid, Conflict (one is on its way), LinkError (no node)."""
        new = password or new_camera_password()
        rotation = new_id()
        async with self._database.transaction() as session:
            target = await self._targets.find(camera, session)
            _check(target.credentials, new)
            row = await session.fetchrow(
                _SQL["add_rotation"],
                *(rotation, camera, target.credentials.username, self._vault.seal(new, _context(rotation))),
                *(by.username, _LEASE_S),
            )
            if row is None:
                raise Conflict("a new password for this camera is on its way already; wait until that is settled")
        # From here on the new one is kept: whatever dies, it is not lost.
        return await self._ask(row, target, new, check=False)

    async def find(self, camera: str) -> list[Row]:
        """Newest first, without secrets."""
        return list(await self._database.fetch(_SQL["list_rotations"], camera))

    async def run(self) -> None:
        """Settle what nobody finished. Until cancelled."""
        while True:
            try:
                while await self.run_once():
                    pass
            except KhueError as error:
                _log.warning("changes of passwords wait: %s", error)
            await asyncio.sleep(_LOOK_S)

    async def run_once(self) -> bool:
        """Ask one camera which of its two passwords it takes; False when none is due."""
        row = await self._database.fetchrow(_SQL["claim_rotation"], _LEASE_S)
        if row is None:
            return False
        new = self._vault.open(row["secret"], _context(row["id"]))
        try:
            target = await self._targets.find(row["camera"])
        except NotFound:
            await self._database.execute(
                _SQL["settle_rotation"], row["id"], "failed", False, "the camera was taken out"
            )
            return True
        except (Invalid, LinkError) as error:
            await self._postpone(row, str(error))
            return True
        await self._ask(row, target, new, check=True)
        return True

    async def _ask(self, row: Row, target: Target, new: str, *, check: bool) -> Outcome:
        request = PasswordRequest(
            url=target.url,
            username=row["username"],
            old=target.credentials.password,
            new=new,
            stream_url=target.streams[0] if target.streams else "",
            check=check,
            timeout_s=_TIMEOUT_S,
        )
        try:
            reply = await self._link.password(target.node, request)
        except LinkError as error:
            return await self._postpone(row, f"{error}; whether the camera took the new password is found out later")
        return await self._settle(row, new, reply, check=check)

    async def _settle(self, row: Row, new: str, reply: PasswordReply, *, check: bool) -> Outcome:
        detail = f"{reply.error}; {reply.remedy}" if reply.remedy else reply.error
        if reply.holds is Holds.NEW:
            return await self._keep(row, new)
        untouched = not check and not reply.told
        hopeless = reply.holds is Holds.NEITHER and row["attempts"] >= _TRIES
        if reply.holds is Holds.OLD or untouched or hopeless:
            await self._database.execute(_SQL["settle_rotation"], row["id"], "failed", reply.rolled_back, detail)
            return Outcome("failed", False, reply.holds is Holds.OLD, reply.rolled_back, detail)
        return await self._postpone(row, detail)

    async def _keep(self, row: Row, new: str) -> Outcome:
        """Proved: from now on it is the camera's password here too."""
        camera = row["camera"]
        async with self._database.transaction() as session:
            await as_actor(session, row["created_by"], "new password", f"rotation {row['id']}")
            if await session.fetchval(_SQL["settle_rotation"], row["id"], "done", False, "") is None:
                raise Conflict("this change was settled by another replica")
            sealed = self._cameras.seal_credentials(camera, Credentials(row["username"], new))
            await session.execute(_SQL["put_credentials"], camera, sealed)
            told = [node["id"] for node in await session.fetch(_SQL["bump_node_of"], camera)]
        try:
            await self._fleet.announce([camera], told)
        except KhueError as error:  # it is stored; nodes hear of it with their next heartbeat
            _log.info("the new password of camera %s is told later: %s", camera, error)
        return Outcome("done", True, True, False, "")

    async def _postpone(self, row: Row, detail: str) -> Outcome:
        wait = min(_LEASE_S * 2 ** row["attempts"], _LONGEST_WAIT_S)
        await self._database.execute(_SQL["postpone_rotation"], row["id"], detail, wait)
        return Outcome("pending", False, False, False, detail)


def new_camera_password() -> str:
    """80 bits and more, in letters every firmware takes."""
    letters = string.ascii_letters + string.digits
    while True:
        made = "".join(secrets.choice(letters) for _ in range(_LENGTH))
        if any(map(str.isdigit, made)) and any(map(str.islower, made)) and any(map(str.isupper, made)):
            return made


def _check(known: Credentials, new: str) -> None:
    if not known.username or not known.password:
        raise Invalid("the camera's present user name and password are not kept here; enter them first")
    if not 8 <= len(new) <= _LONGEST or not new.isprintable() or not new.isascii() or " " in new:
        raise Invalid(f"a camera's password has 8 to {_LONGEST} letters, digits and signs, without spaces and accents")
    if new == known.password:
        raise Invalid("this is the present password; choose another")


def _context(rotation: str) -> str:
    return f"password_rotation/{rotation}/secret"
