"""Requests: asked of whoever owns the cameras, read by those who may decide, withdrawn by who asked."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Sequence

import msgspec

from khue.centre.access.gate import Stated
from khue.centre.access.refusals import Refusal
from khue.centre.access.rules import Account, Action, Right
from khue.centre.access.scope import NO_SUCH_CAMERA, as_reader, filter_seen
from khue.centre.access.service import Access, Caller
from khue.centre.audit.log import AccessLog, Entry
from khue.centre.errors import Invalid
from khue.centre.ids import new_id
from khue.centre.ports import Database, Row, Session
from khue.centre.requests import rules
from khue.centre.requests.notices import Notices
from khue.centre.requests.people import Desk, People, columns_of, purpose_text, target_of
from khue.centre.requests.refusing import Declined, TooLate
from khue.centre.requests.rules import Target, Terms
from khue.centre.requests.words import Facts, sentence
from khue.centre.sql import Queries
from khue.model.errors import Denied, NotFound

_SQL = Queries(__file__)
NO_SUCH_REQUEST = "there is no such request"
_MOST_OPEN = 100
_LAST = 2**62


class Asked(msgspec.Struct, frozen=True):
    """What somebody asks for. ``post`` "" for the first of theirs that may use it."""

    rights: tuple[str, ...]
    purpose: str
    reason: str
    cameras: tuple[str, ...] | None = None
    target: Target | None = None
    case: str = ""
    valid_from: dt.datetime | None = None
    valid_to: dt.datetime | None = None
    basis: str = ""
    post: str = ""


class Requests:
    def __init__(self, database: Database, access: Access, log: AccessLog, people: People, notices: Notices) -> None:
        self._database = database
        self._access = access
        self._log = log
        self._people = people
        self._notices = notices

    # -- asking ----------------------------------------------------------------------------------------------------

    async def ask(self, caller: Caller, asked: Asked) -> list[str]:
        """The new requests' ids: one for each owner of the cameras.

        Raises Invalid, NotFound (a camera the caller may not know of, or none), Refusal (the regulation would not let the
        caller's post use it), Conflict (too many are open).
        """
        rights = rules.checked_rights(asked.rights)
        rules.checked_words(
            purpose=asked.purpose, reason=asked.reason, basis=asked.basis or "-", case=asked.case or "-"
        )
        target = rules.checked_target(asked.cameras, asked.target)
        terms = await self._people.terms()
        start, end = rules.checked_period(asked.valid_from, asked.valid_to, dt.datetime.now(dt.UTC))
        caller = stating(caller, asked.purpose, asked.case, asked.reason)
        about = f"{' '.join(sorted(rights))} until {end:%Y-%m-%d}"
        async with self.refusals(caller, Action.REQUEST, about, one(target)):
            await self._known(caller.account, target)
            desk = await self._people.suitable(caller.account, asked.post, rights, asked.purpose, asked.case)
        await self._access.permit(
            caller, Action.REQUEST, camera=one(target), detail=f"ask {about}", cameras=len(target.cameras or ())
        )
        asked = msgspec.structs.replace(asked, valid_from=start, valid_to=end)
        return await self._keep(caller.account, asked, rights, target, terms, desk)

    async def _known(self, account: Account, target: Target) -> None:
        if target.cameras is not None:
            if await filter_seen(self._database, account, target.cameras) != {*target.cameras}:
                raise NotFound(NO_SUCH_CAMERA)
            return
        _, units, fleets, purposes = columns_of(target)
        if await self._database.fetchval(_SQL["known_place"], units or [], fleets or [], purposes or []):
            raise NotFound("there is no such unit, agency or purpose of cameras")

    async def _keep(
        self,
        account: Account,
        asked: Asked,
        rights: frozenset[Right],
        target: Target,
        terms: Terms,
        desk: Desk,
    ) -> list[str]:
        told: set[str] = set()
        made = []
        dates = terms.dates("request", dt.datetime.now(dt.UTC))
        async with self._database.transaction() as session:
            await self.may_open(session, account)
            for owner, part in await self._people.parts(session, target):
                made.append(new_id())
                await session.execute(
                    _SQL["add_request"],
                    *(made[-1], "access", account.id, desk.id, desk.agency, sorted(rights), *columns_of(part)),
                    *(asked.purpose, asked.case.strip(), asked.reason.strip(), asked.basis.strip()),
                    *(asked.valid_from, asked.valid_to, owner, terms.version, dates.due, dates.remind, dates.escalate),
                )
                path = await self._people.path(session, owner)
                holders = await self._people.holders(session, Right.APPROVE, part)
                deciders = rules.told((holder for holder in holders if holder.account != account.id), path)
                facts = await self.facts(session, account.id, desk.agency, sorted(rights), asked.purpose, terms)
                text = sentence("request_new", facts, at=dates.due, purpose=purpose_text(terms, asked.purpose))
                await self._notices.tell(session, deciders, "request_new", ("request", made[-1]), text)
                told |= deciders
        await self._notices.announce(told)
        return made

    async def may_open(self, session: Session, account: Account) -> None:
        """Raises Conflict for an account that floods others with questions."""
        await session.execute(_SQL["lock_account"], account.id)
        if await session.fetchval(_SQL["open_of"], account.id) >= _MOST_OPEN:
            raise TooLate("too_many")

    async def withdraw(self, caller: Caller, request: str) -> None:
        """One's own, while it is open. Raises NotFound, Conflict."""
        row = await self.visible(caller, request, Action.REQUEST, Right.SEE)
        async with self.refusals(caller, Action.REQUEST, f"withdraw {request}"):
            if row["account"] != caller.account.id:
                raise Declined("not_yours")
        await self._access.permit(caller, Action.REQUEST, detail=f"withdraw {request}")
        terms = await self._people.terms()
        async with self._database.transaction() as session:
            if await session.fetchval(_SQL["withdraw_request"], request, caller.account.id, "") is None:
                raise TooLate("decided")
            told = await self.deciders(session, row)
            facts = await self.facts(session, row["account"], row["agency"], row["rights"], row["purpose"], terms)
            text = sentence("request_withdrawn", facts)
            await self._notices.tell(session, told, "request_withdrawn", ("request", request), text)
        await self._notices.announce(told)

    # -- reading ---------------------------------------------------------------------------------------------------

    async def find(
        self, caller: Caller, box: str, state: str, after: str, limit: int
    ) -> tuple[list[Row], str | None, dict[str, str]]:
        """(newest first, what the next page comes ``after``, names of the cameras the caller may know of). Raises Invalid."""
        account = caller.account
        before = number_of(after)
        found: dict[int, Row] = {}
        for right, kind in _READERS[box]:
            async with as_reader(self._database, account, right=right) as session:
                page = await session.fetch(_SQL["requests_seen"], box, account.id, state, before, limit + 1, kind)
            found |= {row["number"]: row for row in page}
        rows = [found[number] for number in sorted(found, reverse=True)]
        following = str(rows[limit - 1]["number"]) if len(rows) > limit else None
        return rows[:limit], following, await self.names(account, rows[:limit])

    async def get(self, caller: Caller, request: str) -> tuple[Row, dict[str, str]]:
        """Raises NotFound for one the caller may not know of."""
        row = await self.visible(caller, request, Action.REQUEST, Right.SEE, Right.APPROVE, Right.AUDIT)
        return row, await self.names(caller.account, [row])

    async def visible(self, caller: Caller, request: str, action: Action, *readers: Right) -> Row:
        """As somebody with one of these rights reads it. Raises NotFound, recorded; Refusal for who decides nowhere."""
        if request.isascii() and request.isalnum():
            for right in readers:
                async with as_reader(self._database, caller.account, right=right) as session:
                    row = await session.fetchrow(_SQL["request_seen"], request)
                if row is not None:
                    return row
        if action is Action.REQUEST_DECIDE and not await self._access.allows(caller, action):
            await self._access.permit(caller, action, detail=f"request {request[:64]!r}")
        async with self.refusals(caller, action, f"request {request[:64]!r}"):
            raise NotFound(NO_SUCH_REQUEST)

    async def names(self, account: Account, rows: Sequence[Row]) -> dict[str, str]:
        """Camera to name, of those the account may know of; the others are left out of what it reads."""
        cameras = sorted({camera for row in rows for camera in row["cameras"] or ()})
        if not cameras:
            return {}
        async with as_reader(self._database, account) as session:
            return {row["id"]: row["name"] for row in await session.fetch(_SQL["names"], cameras)}

    # -- for those who decide --------------------------------------------------------------------------------------

    async def deciders(self, session: Session, row: Row, *, above: bool = False) -> set[str]:
        """Accounts to be told of a request: those nearest to the owner, or the next above them."""
        target = target_of(row)
        if row["kind"] == "second":
            return await self.seconds(session, row["account"], row["agency"], target)
        path = await self._people.path(session, row["owner"])
        holders = await self._people.holders(session, Right.APPROVE, target)
        return rules.told((one for one in holders if one.account != row["account"]), path, above=above)

    async def seconds(self, session: Session, account: str, agency: str | None, target: Target) -> set[str]:
        """Who may be the second person: colleagues who know the camera, else those who decide about it."""
        holders = await self._people.holders(session, Right.SEE, target)
        colleagues = {one.account for one in holders if agency and one.agency and one.agency[-1] == agency}
        colleagues -= {account}
        if colleagues:
            return colleagues
        holders = await self._people.holders(session, Right.APPROVE, target)
        path = await self._people.path(session, agency)
        return rules.told((one for one in holders if one.account != account), path)

    async def facts(
        self, session: Session, account: str, agency: str | None, rights: Sequence[str], purpose: str, terms: Terms
    ) -> Facts:
        """What sentences about it say."""
        name = await self._people.name(session, account)
        place = "" if agency is None else str(await session.fetchval(_SQL["agency_name"], agency) or "")
        return Facts(name, place, tuple(rights), purpose, terms.timezone)

    @contextlib.asynccontextmanager
    async def refusals(self, caller: Caller, action: Action, detail: str, camera: str = "") -> AsyncIterator[None]:
        """What is refused in here is an entry of the audit, like what the gate refuses."""
        try:
            yield
        except (Denied, NotFound) as refusal:
            clause, version = "", ""
            if isinstance(refusal, Refusal):
                clause, version = ("" if refusal.clause is None else refusal.clause.id), refusal.version
            account, stated = caller.account, caller.stated
            await self._log.write(
                Entry(
                    *(account.id, account.username, str(action), caller.address, "refused", camera),
                    purpose=stated.purpose,
                    case_number=stated.case,
                    reason=stated.reason,
                    clause=clause,
                    version=version,
                    detail=f"{detail}: {refusal}"[:500],
                )
            )
            raise


# Who reads what, and which kind only ("" both): those who decide, those who audit, and colleagues asked for a second word.
_READERS: dict[str, tuple[tuple[Right, str], ...]] = {
    "inbox": ((Right.APPROVE, ""), (Right.SEE, "second")),
    "mine": ((Right.SEE, ""),),
    "all": ((Right.APPROVE, ""), (Right.AUDIT, ""), (Right.SEE, "")),
}
BOXES = tuple(_READERS)


def stating(caller: Caller, purpose: str, case: str, reason: str) -> Caller:
    """The caller, with what the request states in place of what the call did."""
    return msgspec.structs.replace(caller, stated=Stated(purpose[:500], case[:500], reason[:500]))


def one(target: Target) -> str:
    """The camera it is about, or "" when it is about several."""
    return target.cameras[0] if target.cameras is not None and len(target.cameras) == 1 else ""


def number_of(after: str) -> int:
    """Where a page begins: before everything, or before the number the last page ended with. Raises Invalid."""
    if not after:
        return _LAST
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Invalid("after is what the page before gave as next")
    return int(after)
