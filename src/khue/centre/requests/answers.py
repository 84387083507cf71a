"""Answers: a grant derived from one the decider holds, a second person's word, or no."""

from __future__ import annotations

import datetime as dt

import msgspec

from khue.centre.access.gate import GrantGate
from khue.centre.access.refusals import Verdict
from khue.centre.access.rules import Action, Right
from khue.centre.access.scope import NO_SUCH_CAMERA, seen
from khue.centre.access.service import Access, Caller
from khue.centre.errors import Invalid
from khue.centre.grants.refusing import in_words
from khue.centre.ids import new_id
from khue.centre.ports import Database, Row, Session
from khue.centre.requests import rules
from khue.centre.requests.notices import Notices
from khue.centre.requests.people import People, columns_of, purpose_text, target_of
from khue.centre.requests.refusing import Declined, TooLate
from khue.centre.requests.rules import SECOND_WORD, Answer, State, Target, Wish
from khue.centre.requests.service import Asked, Requests, one, stating
from khue.centre.requests.words import sentence
from khue.centre.sql import Queries
from khue.model.errors import Denied, NotFound

_SQL = Queries(__file__)
_MOST_SECOND = 20


class Given(msgspec.Struct, frozen=True):
    """An approval: ``answer`` narrows, ``basis`` is the number of the document it rests on."""

    answer: Answer
    basis: str
    note: str = ""


class Answers:
    def __init__(
        self,
        database: Database,
        access: Access,
        gate: GrantGate,
        requests: Requests,
        people: People,
        notices: Notices,
    ) -> None:
        self._database = database
        self._access = access
        self._gate = gate
        self._requests = requests
        self._people = people
        self._notices = notices

    async def ask_second(self, caller: Caller, asked: Asked) -> str:
        """Ask a colleague to agree to one act; the new request's id.

        Raises Invalid, NotFound, Refusal (it would be refused whoever agreed), Conflict (it needs nobody else).
        """
        rights = rules.checked_rights(asked.rights)
        rules.checked_words(reason=asked.reason, case=asked.case or "-", purpose=asked.purpose or "-")
        target = rules.checked_target(asked.cameras, asked.target)
        cameras = target.cameras or ()
        if len(rights) != 1 or not 1 <= len(cameras) <= _MOST_SECOND:
            raise Invalid(f"a second word is for one right and 1 to {_MOST_SECOND} cameras, named one by one")
        right = next(iter(rights))
        terms = await self._people.terms()
        caller = stating(caller, asked.purpose, asked.case, asked.reason)
        about = f"second person for {right}"
        async with self._requests.refusals(caller, Action.REQUEST, about, one(target)):
            decided = [await self._needs_second(caller, right, camera, asked) for camera in cameras]
        await self._access.permit(
            caller, Action.REQUEST, camera=one(target), detail=f"ask {about}", cameras=len(cameras)
        )
        desk = next((d for d in await self._people.desks(caller.account) if d.id == decided[0]["post"]), None)
        agency = None if desk is None else desk.agency
        purpose = str(decided[0]["purpose"])
        now = dt.datetime.now(dt.UTC)
        dates = terms.dates("second", now)
        request = new_id()
        async with self._database.transaction() as session:
            await self._requests.may_open(session, caller.account)
            await session.execute(
                _SQL["add_request"],
                *(request, "second", caller.account.id, decided[0]["post"], agency, [right], *columns_of(target)),
                *(purpose, asked.case.strip(), asked.reason.strip(), "", now, dates.due + SECOND_WORD),
                *(None, terms.version, dates.due, dates.remind, dates.escalate),
            )
            told = await self._requests.seconds(session, caller.account.id, agency, target)
            facts = await self._requests.facts(session, caller.account.id, agency, [right], purpose, terms)
            text = sentence("second_new", facts, at=dates.due, purpose=purpose_text(terms, purpose))
            await self._notices.tell(session, told, "second_new", ("request", request), text)
        await self._notices.announce(told)
        return request

    async def _needs_second(self, caller: Caller, right: Right, camera: str, asked: Asked) -> Row:
        row = await self._gate.decide(caller.account, right, camera, asked.purpose)
        verdict = Verdict(row["verdict"])
        if verdict is Verdict.UNKNOWN:
            raise NotFound(NO_SUCH_CAMERA)
        if verdict is Verdict.ALLOWED and row["needs_case"] and not asked.case.strip():
            verdict = Verdict.NEEDS_CASE
        if verdict is not Verdict.ALLOWED:
            raise await self._gate.refusal(verdict, right, camera, row)
        if not row["needs_second"]:
            raise TooLate("no_second")
        return row

    # -- deciding --------------------------------------------------------------------------------------------------

    async def approve(self, caller: Caller, request: str, given: Given) -> None:
        """Raises NotFound, Refusal, Denied (wider than asked, or than the decider may hand on), Invalid, Conflict."""
        rules.checked_words(note=given.note or "-")
        row = await self._requests.visible(caller, request, Action.REQUEST_DECIDE, Right.APPROVE, Right.SEE)
        if row["kind"] == "second":
            await self._agree(caller, row, given.note)
            return
        rules.checked_words(basis=given.basis)
        caller = await self._permitted(caller, row, f"approve {request}: {_told_of(row, given.answer)}")
        told: set[str] = {row["account"]}
        async with (
            self._requests.refusals(caller, Action.REQUEST_DECIDE, f"approve {request}", one(target_of(row))),
            self._database.transaction() as session,
        ):
            await self._still_open(session, request)
            state, until, grant = await self._derive(session, caller, row, given)
            words = f"{given.basis.strip()}{': ' if given.note.strip() else ''}{given.note.strip()}"
            if await session.fetchval(_SQL["decide_request"], request, state, caller.account.id, words, grant) is None:
                raise TooLate("decided")
            await self._tell(session, row, f"request_{state}", until, "")
        await self._notices.announce(told)

    async def refuse(self, caller: Caller, request: str, reason: str) -> None:
        """Raises NotFound, Refusal, Denied, Invalid, Conflict."""
        rules.checked_words(reason=reason)
        row = await self._requests.visible(caller, request, Action.REQUEST_DECIDE, Right.APPROVE, Right.SEE)
        if row["kind"] == "second":
            caller = await self._second_person(caller, row, f"refuse {request}")
        else:
            caller = await self._permitted(caller, row, f"refuse {request}: {reason}")
        async with self._database.transaction() as session:
            await self._still_open(session, request)
            refused = (request, State.REFUSED, caller.account.id, reason.strip(), None)
            if await session.fetchval(_SQL["decide_request"], *refused) is None:
                raise TooLate("decided")
            await self._tell(session, row, "request_refused", None, reason)
        await self._notices.announce([row["account"]])

    async def _permitted(self, caller: Caller, row: Row, detail: str) -> Caller:
        """Written down as about the purpose and case of the request, with the basis as the reason."""
        caller = stating(caller, row["purpose"], row["case_number"], caller.stated.reason)
        target = target_of(row)
        async with self._requests.refusals(caller, Action.REQUEST_DECIDE, detail, one(target)):
            if row["account"] == caller.account.id:
                raise Declined("own_request")
        await self._access.permit(
            caller, Action.REQUEST_DECIDE, camera=one(target), detail=detail, cameras=len(target.cameras or ())
        )
        return caller

    async def _still_open(self, session: Session, request: str) -> None:
        """Of two who decide at once the second finds it decided."""
        now = await session.fetchrow(_SQL["lock_request"], request)
        if now is None or now["state"] != State.OPEN or now["due"] <= dt.datetime.now(dt.UTC):
            raise TooLate("decided")

    async def _derive(self, session: Session, caller: Caller, row: Row, given: Given) -> tuple[State, dt.datetime, str]:
        """(approved or narrowed, until when, the grant)."""
        account, target = caller.account, target_of(row)
        if not await session.fetchval(_SQL["still_holds"], row["account"], row["post"]):
            raise TooLate("post_left")
        decidable = None
        if target.cameras is not None:
            decidable = await seen(session, account, target.cameras, right=Right.APPROVE)
        asked = Wish(frozenset(map(Right, row["rights"])), target.cameras, (row["purpose"],), row["valid_to"])
        gives, less = rules.narrowed(asked, given.answer, decidable)
        if any("\x00" in camera for camera in gives.cameras or ()):
            raise NotFound(NO_SUCH_CAMERA)
        if target.cameras is None and gives.cameras is not None:
            known = await seen(session, account, gives.cameras, right=Right.APPROVE)
            gives = msgspec.structs.replace(gives, cameras=tuple(camera for camera in gives.cameras if camera in known))
            if len(gives.cameras or ()) != len(known) or not known:
                raise NotFound(NO_SUCH_CAMERA)
        now = dt.datetime.now(dt.UTC)
        if gives.valid_to <= now:
            raise TooLate("period_over")
        place = msgspec.structs.replace(target, cameras=gives.cameras)
        return await self._give(session, caller, row, given, (gives, place, less))

    async def _give(
        self, session: Session, caller: Caller, row: Row, given: Given, what: tuple[Wish, Target, bool]
    ) -> tuple[State, dt.datetime, str]:
        gives, place, less = what
        account = caller.account
        only = None if account.only_grants is None else list(account.only_grants)
        cameras, units, fleets, purposes = columns_of(place)
        rights = sorted(gives.rights | {Right.SEE})
        parent = await session.fetchval(
            _SQL["parents"],
            *(account.id, only, rights, cameras, units, fleets, purposes, list(gives.purposes), gives.valid_to),
        )
        if parent is None:
            raise Declined("nothing_to_hand_on")
        hours = given.answer.hours or rules.Hours()
        start, end = hours.clock()
        defence = place.cameras is not None and bool(await session.fetchval(_SQL["defence_among"], cameras))
        grant = new_id()
        try:
            kept = await session.fetchrow(
                _SQL["give"],
                *(grant, row["post"], rights, units, fleets, purposes, cameras, defence, list(gives.purposes)),
                *(start, end, None if hours.weekdays is None else list(hours.weekdays)),
                *(max(row["valid_from"], dt.datetime.now(dt.UTC)), gives.valid_to, "request", parent, account.id),
                *(given.basis.strip(), given.note.strip()),
            )
        except Denied as refusal:
            raise in_words(refusal) from refusal
        assert kept is not None
        within = (kept["units"], kept["fleets"], kept["camera_purposes"], kept["groups"])
        less = less or kept["hours_from"] is not None or kept["weekdays"] is not None
        less = less or (place.cameras is None and within != (units, fleets, purposes, None))
        return (State.NARROWED if less else State.APPROVED), gives.valid_to, grant

    async def _second_person(self, caller: Caller, row: Row, detail: str) -> Caller:
        caller = stating(caller, row["purpose"], row["case_number"], row["reason"])
        target = target_of(row)
        async with self._requests.refusals(caller, Action.REQUEST, detail, one(target)):
            if row["account"] == caller.account.id:
                raise Declined("second_self")
        await self._access.permit(
            caller, Action.REQUEST, camera=one(target), detail=detail, cameras=len(target.cameras or ())
        )
        return caller

    async def _agree(self, caller: Caller, row: Row, note: str) -> None:
        request, cameras = row["id"], row["cameras"]
        caller = await self._second_person(caller, row, f"second word {request}: {' '.join(row['rights'])}")
        async with (
            self._requests.refusals(caller, Action.REQUEST, f"second word {request}"),
            self._database.transaction() as session,
        ):
            await self._still_open(session, request)
            if await seen(session, caller.account, cameras) != {*cameras}:
                raise Declined("second_blind")
            about = (row["account"], row["rights"][0])
            said = (row["purpose"], row["case_number"], caller.account.id, SECOND_WORD)
            await session.executemany(_SQL["add_word"], [(new_id(), *about, camera, *said) for camera in cameras])
            agreed = (request, State.APPROVED, caller.account.id, note.strip(), None)
            if await session.fetchval(_SQL["decide_request"], *agreed) is None:
                raise TooLate("decided")
            await self._tell(session, row, "second_given", dt.datetime.now(dt.UTC) + SECOND_WORD, "")
        await self._notices.announce([row["account"]])

    async def _tell(self, session: Session, row: Row, kind: str, at: dt.datetime | None, said: str) -> None:
        terms = await self._people.terms(session)
        facts = await self._requests.facts(session, row["account"], row["agency"], row["rights"], row["purpose"], terms)
        text = sentence(kind, facts, at=at, said=said)
        await self._notices.tell(session, [row["account"]], kind, ("request", row["id"]), text)


def _told_of(row: Row, answer: Answer) -> str:
    """For the audit: what is given, in a line."""
    rights = " ".join(sorted(row["rights"] if answer.rights is None else answer.rights))
    until = answer.valid_to or row["valid_to"]
    return f"{rights} to {row['account']} until {until.astimezone(dt.UTC):%Y-%m-%d %H:%M}"
