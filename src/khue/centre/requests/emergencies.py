"""Breaking the glass: two people open cameras for an hour; owner and auditor are told at once and it is reviewed after."""

from __future__ import annotations

import datetime as dt

import msgspec

from khue.centre.access.refusals import Refusal, Verdict
from khue.centre.access.rules import Action, Right
from khue.centre.access.scope import NO_SUCH_CAMERA, as_reader, filter_seen
from khue.centre.access.service import Access, Caller
from khue.centre.errors import Invalid
from khue.centre.ids import new_id
from khue.centre.ports import Database, Row, Session
from khue.centre.requests import rules
from khue.centre.requests.notices import Notices
from khue.centre.requests.people import Desk, People, columns_of, target_of
from khue.centre.requests.refusing import Declined, TooLate
from khue.centre.requests.rules import EMERGENCY, Target, Terms
from khue.centre.requests.service import Requests, number_of, one, stating
from khue.centre.requests.words import sentence
from khue.centre.sql import Queries
from khue.model.errors import NotFound

_SQL = Queries(__file__)
NO_SUCH_EMERGENCY = "there is no such emergency"
_MOST = 5  # unsettled ones of an account
STATES = ("waiting", "in_force", "ended", "lapsed", "reviewed")


class Declared(msgspec.Struct, frozen=True):
    """What somebody opens, and why. ``purpose`` says what kind of emergency; on every use stands ``emergency``."""

    rights: tuple[str, ...]
    reason: str
    purpose: str = EMERGENCY
    cameras: tuple[str, ...] | None = None
    target: Target | None = None
    case: str = ""
    post: str = ""


class Emergencies:
    def __init__(
        self, database: Database, access: Access, requests: Requests, people: People, notices: Notices
    ) -> None:
        self._database = database
        self._access = access
        self._requests = requests
        self._people = people
        self._notices = notices

    async def declare(self, caller: Caller, declared: Declared) -> str:
        """The new emergency's id: it opens nothing until a second person confirms it.

        Raises Invalid, NotFound (a camera the caller may not know of), Refusal (the regulation lets such posts open nothing,
        or not this), Conflict.
        """
        terms = await self._people.terms()
        glass = terms.break_glass
        rules.checked_words(reason=declared.reason, purpose=declared.purpose, case=declared.case or "-")
        if declared.purpose not in terms.purposes:
            raise Invalid(f"the purpose is one of {', '.join(terms.purposes)}")
        rights = rules.checked_rights(declared.rights)
        target = rules.checked_target(declared.cameras, declared.target)
        caller = stating(caller, declared.purpose, declared.case, declared.reason)
        about = f"declare {' '.join(sorted(rights))}"
        async with self._requests.refusals(caller, Action.EMERGENCY, about, one(target)):
            beyond = sorted(rights - {Right(name) for name in glass.rights})
            if beyond:
                raise await self._refused(beyond[0], terms)
            await self._known(caller, target, defence=glass.defence)
            desk = await self._opener(caller, declared.post, rights, terms)
        await self._access.permit(
            caller, Action.EMERGENCY, camera=one(target), detail=about, cameras=len(target.cameras or ())
        )
        confirm_by = terms.dates("emergency_confirm", dt.datetime.now(dt.UTC)).due
        emergency = new_id()
        async with self._database.transaction() as session:
            await session.execute(_SQL["lock_account"], caller.account.id)
            if await session.fetchval(_SQL["unsettled_emergencies"], caller.account.id) >= _MOST:
                raise TooLate("glass_too_many")
            await session.execute(
                _SQL["add_emergency"],
                *(emergency, caller.account.id, desk.id, desk.agency, sorted(rights), *columns_of(target)),
                *(
                    declared.purpose,
                    declared.case.strip(),
                    declared.reason.strip(),
                    terms.version,
                    glass.clause,
                    confirm_by,
                ),
            )
            holders = await self._people.of_kinds(session, glass.confirms)
            path = await self._people.path(session, desk.agency)
            told = rules.told((holder for holder in holders if holder.account != caller.account.id), path)
            row = await session.fetchrow(_SQL["lock_emergency"], emergency)
            assert row is not None
            await self._tell(session, row, told, "emergency_waiting", confirm_by, declared.reason)
        await self._notices.announce(told)
        return emergency

    async def _known(self, caller: Caller, target: Target, *, defence: bool) -> None:
        """The cameras are ones the caller may know of; a place exists. Raises NotFound, Denied (of defence)."""
        if target.cameras is None:
            _, units, fleets, purposes = columns_of(target)
            if await self._database.fetchval(_SQL["known_place"], units or [], fleets or [], purposes or []):
                raise NotFound("there is no such unit, agency or purpose of cameras")
            return
        if await filter_seen(self._database, caller.account, target.cameras) != {*target.cameras}:
            raise NotFound(NO_SUCH_CAMERA)
        if not defence and await self._database.fetchval(_SQL["defence_among"], list(target.cameras)):
            raise Declined("glass_defence")

    async def _opener(self, caller: Caller, stated: str, rights: frozenset[Right], terms: Terms) -> Desk:
        """The post it is opened for: of a kind the regulation lets open. Raises Refusal, Denied, Invalid."""
        desk = await self._people.desk(caller.account, stated, terms.break_glass.opens)
        if desk.kind not in terms.break_glass.opens:
            raise await self._refused(sorted(rights)[0], terms)
        allowed = await self._people.rules(desk.kind)
        for right in sorted(rights):
            rule = allowed.get(right)
            if rule is None or (rule.purposes is not None and EMERGENCY not in rule.purposes):
                raise await self._refused(right, terms)
        return desk

    async def _refused(self, right: Right, terms: Terms) -> Refusal:
        clause = await self._people.clause(terms.version, terms.break_glass.clause)
        return Refusal(Verdict.KIND, right, "", terms.version, clause)

    async def confirm(self, caller: Caller, emergency: str) -> None:
        """It is in force from now on. Raises NotFound, Denied (the same person, another kind of post), Conflict (too late)."""
        row = await self.visible(caller, emergency, Action.EMERGENCY)
        terms = await self._people.terms()
        glass, account = terms.break_glass, caller.account
        detail = f"confirm {emergency}"
        caller = stating(caller, row["purpose"], row["case_number"], row["reason"])
        async with self._requests.refusals(caller, Action.EMERGENCY, detail, one(target_of(row))):
            if row["account"] == account.id:
                raise Declined("glass_self")
            desk = await self._people.desk(account, "", glass.confirms)
            if desk.kind not in glass.confirms:
                raise await self._refused(Right(row["rights"][0]), terms)
        await self._access.permit(caller, Action.EMERGENCY, camera=one(target_of(row)), detail=detail)
        async with self._database.transaction() as session:
            row, now = await self._locked(session, emergency)
            if row["state"] != "waiting" or row["confirm_by"] <= now:
                raise TooLate("glass_late")
            if not await session.fetchval(_SQL["still_holds"], row["account"], row["post"]):
                raise TooLate("glass_post_left")
            until = now + dt.timedelta(minutes=glass.minutes)
            grant = await self._open(session, row, account.id, until, terms)
            review = terms.dates("emergency_review", until)
            await session.execute(
                _SQL["confirm_emergency"], emergency, account.id, until, grant, review.due, review.remind
            )
            watching = await self._people.watching(session, target_of(row), glass.told)
            await self._tell(session, row, watching - {row["account"]}, "emergency_opened", until, row["reason"])
            await self._tell(session, row, {row["account"]}, "emergency_confirmed", until, "")
        await self._notices.announce({*watching, row["account"]})

    async def _open(self, session: Session, row: Row, second: str, until: dt.datetime, terms: Terms) -> str:
        """The grant; given by the second person, for the post of the first."""
        cameras, units, fleets, purposes = columns_of(target_of(row))
        defence = terms.break_glass.defence and bool(
            await session.fetchval(_SQL["both_reach_defence"], [row["account"], second], cameras)
        )
        grant = new_id()
        rights = sorted({*row["rights"], str(Right.SEE)})
        basis, note = f"{row['version']} {row['clause']}", row["reason"][:500]
        await session.execute(
            _SQL["give"],
            *(grant, row["post"], rights, units, fleets, purposes, cameras, defence, [EMERGENCY]),
            *(None, None, None, dt.datetime.now(dt.UTC), until, "emergency", None, second, basis, note),
        )
        return grant

    async def end(self, caller: Caller, emergency: str, reason: str = "") -> None:
        """By either of the two, or by whoever decides about the cameras. Raises NotFound, Denied, Conflict."""
        rules.checked_words(reason=reason or "-")
        row = await self.visible(caller, emergency, Action.EMERGENCY)
        account = caller.account
        caller = stating(caller, row["purpose"], row["case_number"], reason or row["reason"])
        async with self._requests.refusals(caller, Action.EMERGENCY, f"end {emergency}"):
            if account.id not in (row["account"], row["confirmed_by"]) and not await self._reads(
                caller, emergency, Right.APPROVE
            ):
                raise Declined("glass_end")
        await self._access.permit(caller, Action.EMERGENCY, camera=one(target_of(row)), detail=f"end {emergency}")
        async with self._database.transaction() as session:
            row, now = await self._locked(session, emergency)
            if row["state"] == "waiting":
                await session.execute(_SQL["give_up"], emergency)
                watching = {row["account"]}
            elif row["state"] == "in_force" and row["until"] > now:
                terms = await self._people.terms(session)
                await session.execute(_SQL["revoke"], row["access_grant"], account.id, reason.strip() or "ended")
                review = terms.dates("emergency_review", now)
                ended = (emergency, account.id, reason.strip(), review.due, review.remind)
                await session.execute(_SQL["end_emergency"], *ended)
                watching = await self._people.watching(session, target_of(row), terms.break_glass.told) | {
                    row["account"]
                }
                await self._tell(session, row, watching, "emergency_ended", None, reason)
            else:
                raise TooLate("glass_over")
        await self._notices.announce(watching)

    async def review(self, caller: Caller, emergency: str, verdict: str, text: str) -> None:
        """By an auditor of the cameras who had no part in it, once it is over. Raises NotFound, Denied, Invalid, Conflict."""
        rules.checked_words(text=text)
        if verdict not in ("justified", "unjustified"):
            raise Invalid("the verdict is justified or unjustified")
        row = await self.visible(caller, emergency, Action.EMERGENCY_REVIEW)
        account, detail = caller.account, f"review {emergency}: {verdict}"
        caller = stating(caller, "audit", row["case_number"], text)
        async with self._requests.refusals(caller, Action.EMERGENCY_REVIEW, detail):
            if account.id in (row["account"], row["confirmed_by"]):
                raise Declined("review_own")
        await self._access.permit(caller, Action.EMERGENCY_REVIEW, detail=detail)
        async with self._requests.refusals(caller, Action.EMERGENCY_REVIEW, detail):
            if not await self._reads(caller, emergency, Right.AUDIT):
                raise Declined("review_elsewhere")
        async with self._database.transaction() as session:
            row, now = await self._locked(session, emergency)
            if row["state"] == "in_force" and row["until"] > now:
                raise TooLate("review_early")
            if row["state"] not in ("in_force", "ended"):
                raise TooLate("review_none")
            if row["state"] == "in_force":
                await session.execute(_SQL["end_emergency"], emergency, None, "", row["review_due"], row["remind"])
            await session.execute(_SQL["review_emergency"], emergency, verdict, text.strip(), account.id)
            told = await self._people.watching(session, target_of(row), ("owner",)) | {
                row["account"],
                row["confirmed_by"],
            }
            await self._tell(session, row, told, f"emergency_{verdict}", None, text)
        await self._notices.announce(told)

    # -- reading ---------------------------------------------------------------------------------------------------

    async def find(
        self, caller: Caller, state: str, after: str, limit: int
    ) -> tuple[list[Row], str | None, dict[str, str]]:
        """(newest first, what the next page comes after, names of cameras the caller may know of): one's own, those waiting
        for somebody like the caller, and those of cameras the caller decides about or audits."""
        before = number_of(after)
        found: dict[int, Row] = {}
        for right in (Right.APPROVE, Right.AUDIT):
            async with as_reader(self._database, caller.account, right=right) as session:
                page = await session.fetch(_SQL["emergencies_seen"], state, before, limit + 1)
            found |= {row["number"]: row for row in page}
        rows = [found[number] for number in sorted(found, reverse=True)]
        following = str(rows[limit - 1]["number"]) if len(rows) > limit else None
        return rows[:limit], following, await self._requests.names(caller.account, rows[:limit])

    async def get(self, caller: Caller, emergency: str) -> tuple[Row, dict[str, str]]:
        """Raises NotFound."""
        row = await self.visible(caller, emergency, Action.EMERGENCY)
        return row, await self._requests.names(caller.account, [row])

    async def visible(self, caller: Caller, emergency: str, action: Action) -> Row:
        """Raises NotFound for one the caller may not know of; recorded."""
        if emergency.isascii() and emergency.isalnum():
            for right in (Right.APPROVE, Right.AUDIT):
                async with as_reader(self._database, caller.account, right=right) as session:
                    row = await session.fetchrow(_SQL["emergency_seen"], emergency)
                if row is not None:
                    return row
        async with self._requests.refusals(caller, action, f"emergency {emergency[:64]!r}"):
            raise NotFound(NO_SUCH_EMERGENCY)

    async def may_confirm(self, caller: Caller) -> bool:
        """Whether a post of the caller's is of a kind that confirms."""
        terms = await self._people.terms()
        return any(desk.kind in terms.break_glass.confirms for desk in await self._people.desks(caller.account))

    async def _reads(self, caller: Caller, emergency: str, right: Right) -> bool:
        """Whether the caller holds this right to some of its cameras."""
        async with as_reader(self._database, caller.account, right=right) as session:
            row = await session.fetchrow(_SQL["reaches_emergency"], emergency)
        return row is not None and bool(row["reaches"])

    async def _locked(self, session: Session, emergency: str) -> tuple[Row, dt.datetime]:
        row = await session.fetchrow(_SQL["lock_emergency"], emergency)
        if row is None:
            raise NotFound(NO_SUCH_EMERGENCY)
        return row, dt.datetime.now(dt.UTC)

    async def _tell(
        self, session: Session, row: Row, accounts: set[str], kind: str, at: dt.datetime | None, said: str
    ) -> None:
        terms = await self._people.terms(session)
        facts = await self._requests.facts(session, row["account"], row["agency"], row["rights"], row["purpose"], terms)
        text = sentence(kind, facts, at=at, said=said)
        await self._notices.tell(session, accounts, kind, ("emergency", row["id"]), text)
