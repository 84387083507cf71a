"""The regulation as JSON: what holds, versions, what changes for whom, tests, activation."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.errors import Invalid
from khue.centre.ports import Row
from khue.centre.regulation.service import Regulations
from khue.centre.training.service import Training
from khue.model.regulation.comparing import Difference, settings_of
from khue.model.regulation.deciding import Result
from khue.model.regulation.reading import RegulationError, read
from khue.model.regulation.terms import RIGHTS, Clause, PostKind, UsePurpose


class Named(msgspec.Struct):
    id: str
    vi: str
    en: str


class MineOut(msgspec.Struct):
    """What the regulation asks of one of one's own posts for one right. ``purposes`` are those that may be stated."""

    post: str
    title: str
    title_en: str
    right: str
    purposes: list[str]
    default_purpose: str | None
    needs_purpose: bool
    needs_reason: bool
    needs_case: bool
    needs_second: bool
    clause: str


class NowOut(msgspec.Struct):
    """The version in force, and what it means for whoever asks."""

    version: str
    title: str
    title_en: str
    document: str
    valid_from: dt.datetime
    purposes: list[Named]
    kinds: list[Named]
    rights: list[Named]
    mine: list[MineOut]
    clauses: list[Named]
    training: bool


class VersionOut(msgspec.Struct):
    """``state``: in_force, scheduled, past, loaded."""

    id: str
    title: str
    title_en: str
    document: str
    timezone: str
    digest: str
    state: str
    loaded: dt.datetime
    loaded_by: str
    valid_from: dt.datetime | None
    activated: dt.datetime | None
    activated_by: str | None


class VersionsOut(msgspec.Struct):
    items: list[VersionOut]
    next: str | None = None


class RuleOut(msgspec.Struct):
    """What one kind of post may do by one right. ``needs``: purpose, reason, case, second."""

    kind: str
    right: str
    purposes: list[str]
    default_purpose: str | None
    needs: list[str]
    clause: str


class WholeVersionOut(VersionOut, kw_only=True):
    """With its files as they were loaded, and what they say; ``settings`` is what is neither a rule nor a clause."""

    files: dict[str, str]
    clauses: list[Named]
    purposes: list[Named]
    kinds: list[Named]
    rights: list[Named]
    rules: list[RuleOut]
    settings: dict[str, Any]


class VersionIn(msgspec.Struct):
    """Name to text of every file of a version."""

    files: dict[str, str]


class CheckedOut(msgspec.Struct):
    """``problems`` is empty when the version can be loaded."""

    problems: list[str]


class TestOut(msgspec.Struct):
    passed: int
    failed: int
    cases: list[Result]


class ActivateIn(msgspec.Struct):
    """Without ``valid_from`` at once."""

    reason: str
    valid_from: dt.datetime | None = None


class ReasonIn(msgspec.Struct):
    reason: str


class ActivatedOut(msgspec.Struct):
    version: str
    valid_from: dt.datetime


class RegulationController(Controller):
    path = "/api/v1/regulation"
    tags = ("regulation",)

    @get("/now", summary="The regulation in force, and what it asks of you")
    async def now(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        regulations: NamedDependency[Regulations],
        training: NamedDependency[Training],
    ) -> NowOut:
        await access.permit(caller, Action.REGULATION_READ)
        regulation = await regulations.in_force()
        row = await regulations.row(regulation.id)
        return NowOut(
            version=regulation.id,
            title=regulation.title.vi,
            title_en=regulation.title.en,
            document=regulation.document,
            valid_from=row["valid_from"],
            purposes=_named(regulation.purposes.values()),
            kinds=_named(regulation.kinds.values()),
            rights=[Named(name, text.vi, text.en) for name, text in RIGHTS.items()],
            mine=[_mine(rule) for rule in await regulations.rules_of(caller.account.id)],
            clauses=_named(regulation.clauses.values()),
            training=training.enabled,
        )

    @get("/versions", summary="Versions of the regulation")
    async def list_versions(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        regulations: NamedDependency[Regulations],
    ) -> VersionsOut:
        await access.permit(caller, Action.REGULATION_READ)
        return VersionsOut([VersionOut(**_version(row)) for row in await regulations.versions()])

    @get("/versions/{version:str}", summary="One version, with its files")
    async def show_version(
        self,
        version: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        regulations: NamedDependency[Regulations],
    ) -> WholeVersionOut:
        await access.permit(caller, Action.REGULATION_READ)
        row = await regulations.row(version)
        regulation = await regulations.version(version)
        return WholeVersionOut(
            **_version(row),
            files=await regulations.files(version),
            clauses=_named(regulation.clauses.values()),
            purposes=_named(regulation.purposes.values()),
            kinds=_named(regulation.kinds.values()),
            rights=[Named(name, text.vi, text.en) for name, text in RIGHTS.items()],
            rules=[
                RuleOut(
                    rule.kind, rule.right, list(rule.purposes), rule.default_purpose, sorted(rule.needs), rule.clause
                )
                for rule in regulation.rules.values()
            ],
            settings=settings_of(regulation),
        )

    @post("/versions", summary="Check and load a version")
    async def load_version(
        self,
        data: JSONBody[VersionIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        regulations: NamedDependency[Regulations],
    ) -> VersionOut:
        """It is not in force by that. All that is wrong with it is said at once, a line each: file, key, what, remedy."""
        await access.permit(caller, Action.REGULATION_WRITE, detail="load a version of the regulation")
        loaded = await regulations.load(data.files, caller.account.username)
        return VersionOut(**_version(await regulations.row(loaded.id)))

    @post("/check", summary="What is wrong with the files of a version", status_code=200)
    async def check_version(
        self, data: JSONBody[VersionIn], caller: NamedDependency[Caller], access: NamedDependency[Access]
    ) -> CheckedOut:
        """Nothing is kept."""
        await access.permit(caller, Action.REGULATION_WRITE, detail="check a version of the regulation")
        try:
            await asyncio.to_thread(read, data.files)
        except RegulationError as error:
            return CheckedOut(list(error.problems))
        return CheckedOut([])

    @get("/diff", summary="What changes from one version to another, for whom")
    async def compare(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        regulations: NamedDependency[Regulations],
        before: Annotated[str, QueryParameter(name="from")] = "",
        after: Annotated[str, QueryParameter(name="to")] = "",
    ) -> Difference:
        """Without ``from``, or without ``to``, the version in force stands there."""
        await access.permit(caller, Action.REGULATION_READ)
        force = (await regulations.in_force()).id
        return await regulations.compare(before or force, after or force)

    @post("/versions/{version:str}/test", summary="Run a version's example cases", status_code=200)
    async def test_version(
        self,
        version: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        regulations: NamedDependency[Regulations],
    ) -> TestOut:
        """By the rules and by the database itself, which has to say the same."""
        await access.permit(caller, Action.REGULATION_WRITE, detail=f"test regulation {version}")
        cases = await regulations.test(version)
        passed = sum(case.ok for case in cases)
        return TestOut(passed, len(cases) - passed, cases)

    @post("/versions/{version:str}/activate", summary="Put a version in force", status_code=200)
    async def activate(
        self,
        version: FromPath[str],
        data: JSONBody[ActivateIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        regulations: NamedDependency[Regulations],
    ) -> ActivatedOut:
        """Its cases are run first and have to pass. From then on it holds for everybody, those who are watching too."""
        when = "now" if data.valid_from is None else _aware(data.valid_from).isoformat()
        await _record(access, caller, f"activate regulation {version} from {when}", data.reason)
        begins = await regulations.activate(version, data.valid_from, caller.account.username)
        return ActivatedOut(version, begins)

    @post("/versions/{version:str}/withdraw", summary="Withdraw a version that is to hold from later", status_code=200)
    async def withdraw(
        self,
        version: FromPath[str],
        data: JSONBody[ReasonIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        regulations: NamedDependency[Regulations],
    ) -> VersionOut:
        await regulations.row(version)
        await _record(access, caller, f"withdraw regulation {version}", data.reason)
        await regulations.withdraw(version)
        return VersionOut(**_version(await regulations.row(version)))


async def _record(access: Access, caller: Caller, what: str, reason: str) -> None:
    """The entry of an act that nobody does without saying why. Raises Invalid, Refusal."""
    if not reason.strip():
        raise Invalid("say why: reason is empty")
    stated = msgspec.structs.replace(caller.stated, reason=reason.strip()[:500])
    await access.permit(msgspec.structs.replace(caller, stated=stated), Action.REGULATION_WRITE, detail=what)


def _aware(at: dt.datetime) -> dt.datetime:
    if at.tzinfo is None:
        raise Invalid("valid_from has no zone; write one, such as 2027-01-01T00:00:00+07:00")
    return at


def _version(row: Row) -> dict[str, Any]:
    """As VersionOut has it."""
    state = "loaded" if row["valid_from"] is None else "past" if row["valid_from"] <= row["at"] else "scheduled"
    plain = {name: row[name] for name in VersionOut.__struct_fields__ if name != "state"}
    return {**plain, "state": "in_force" if row["in_force"] else state}


def _named(parts: Iterable[Clause | UsePurpose | PostKind]) -> list[Named]:
    return [Named(part.id, part.vi, part.en) for part in parts]


def _mine(row: Row) -> MineOut:
    plain = {name: row[name] for name in MineOut.__struct_fields__ if name not in ("right", "purposes")}
    return MineOut(right=row["right_name"], purposes=list(row["purposes"] or ()), **plain)
