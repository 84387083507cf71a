"""The audit log over HTTP. Checkpoints and the key are open to all; for the rest one needs the right to audit."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.audit.search import Wanted
from khue.centre.audit.service import Audit
from khue.centre.audit.shown import (
    CheckpointOut,
    CheckpointsOut,
    ConsistencyOut,
    DoingOut,
    DoneToOut,
    EntriesOut,
    InclusionOut,
    KeyOut,
    OfficerOut,
    RefusalsOut,
    RefusedOut,
    UnusedGrantsOut,
    UnusedOut,
    WatcherOut,
    WatchersOut,
    checkpoint_out,
    entry_out,
    hexes,
    shown,
)
from khue.centre.audit.verify import Finding
from khue.centre.errors import Invalid

From = Annotated[dt.datetime | None, QueryParameter(name="from", description="RFC 3339, inclusive")]
To = Annotated[dt.datetime | None, QueryParameter(name="to", description="RFC 3339, exclusive")]
Seq = Annotated[int | None, QueryParameter(ge=0, le=1 << 62)]
Limit = Annotated[int, QueryParameter(ge=1, le=1000)]
_LONGEST = 200  # characters of a filter


class AuditController(Controller):
    path = "/api/v1/audit"
    tags = ("audit",)

    @get(summary="Entries of the audit log")
    async def entries(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        audit: NamedDependency[Audit],
        camera: FromQuery[str] = "",
        account: FromQuery[str] = "",
        post: FromQuery[str] = "",
        action: FromQuery[str] = "",
        outcome: FromQuery[str] = "",
        grant: FromQuery[str] = "",
        case: FromQuery[str] = "",
        purpose: FromQuery[str] = "",
        start: From = None,
        end: To = None,
        before: Seq = None,
        limit: Limit = 100,
    ) -> EntriesOut:
        """Newest first; ``before`` is ``next`` of the page before. ``account`` is an id or a user name."""
        said = (camera, account, post, action, outcome, grant, case, purpose)
        wanted = _wanted(Wanted(*said, start, end, before))
        await access.permit(caller, Action.LOG_READ, camera=camera, detail=wanted.text)
        rows = await audit.search.entries(caller.account, wanted, limit)
        return EntriesOut([entry_out(row) for row in rows], rows[-1]["seq"] if len(rows) == limit else None)

    @get("/watchers", summary="Who watched this camera")
    async def watchers(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        audit: NamedDependency[Audit],
        camera: FromQuery[str],
        start: From = None,
        end: To = None,
    ) -> WatchersOut:
        """Live, playback, snapshots and clips, by account and post."""
        wanted = _wanted(Wanted(camera=_some("camera", camera), start=start, end=end))
        await access.permit(caller, Action.LOG_READ, camera=camera, detail=f"watchers {wanted.text}")
        rows = await audit.search.watchers(caller.account, wanted)
        return WatchersOut(camera, [shown(WatcherOut, row) for row in rows])

    @get("/officer", summary="What this officer did")
    async def officer(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        audit: NamedDependency[Audit],
        account: FromQuery[str],
        start: From = None,
        end: To = None,
    ) -> OfficerOut:
        """``account`` is an id or a user name. By action and post, and by camera."""
        wanted = _wanted(Wanted(account=_some("account", account), start=start, end=end))
        await access.permit(caller, Action.LOG_READ, detail=f"officer {wanted.text}")
        doings = await audit.search.doings(caller.account, wanted)
        cameras = await audit.search.cameras_of(caller.account, wanted)
        return OfficerOut(account, [shown(DoingOut, row) for row in doings], [shown(DoneToOut, row) for row in cameras])

    @get("/unused-grants", summary="Grants that were never used")
    async def unused_grants(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        audit: NamedDependency[Audit],
        days: Annotated[float, QueryParameter(ge=0, le=36500)] = 90.0,
    ) -> UnusedGrantsOut:
        """In force for at least ``days``, and nothing that leaves an entry was done by them in that time."""
        await access.permit(caller, Action.LOG_READ, detail=f"unused grants of {days:g} days")
        rows = await audit.search.unused_grants(days)
        return UnusedGrantsOut(days, [shown(UnusedOut, row) for row in rows])

    @get("/refusals", summary="What was refused")
    async def refusals(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        audit: NamedDependency[Audit],
        start: From = None,
        end: To = None,
    ) -> RefusalsOut:
        """By account, action and clause."""
        wanted = _wanted(Wanted(start=start, end=end))
        await access.permit(caller, Action.LOG_READ, detail=f"refusals {wanted.text}")
        rows = await audit.search.refusals(caller.account, wanted)
        return RefusalsOut([shown(RefusedOut, row) for row in rows])

    @get("/export", summary="The log as a file, for verification elsewhere", media_type="application/x-ndjson")
    async def export(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        audit: NamedDependency[Audit],
        start: From = None,
        end: To = None,
    ) -> Stream:
        """Lines of JSON, described in design/11-audit.md; `khue audit verify` reads them."""
        wanted = _wanted(Wanted(start=start, end=end))
        await access.permit(caller, Action.LOG_READ, detail=f"export {wanted.text}")
        pieces = await audit.export.begin(caller.account, start, end)
        headers = {"content-disposition": 'attachment; filename="audit.ndjson"', "cache-control": "no-store"}
        return Stream(pieces, media_type="application/x-ndjson", headers=headers)

    @post("/verify", summary="Whether the centre's own log is whole", status_code=200)
    async def verify(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], audit: NamedDependency[Audit]
    ) -> Finding:
        """Reads every entry; ``first_bad`` is the first that was edited, removed, inserted or moved."""
        await access.permit(caller, Action.LOG_READ, detail="verify")
        return await audit.verify()

    @get("/entries/{seq:int}/proof", summary="That an entry is in the log")
    async def proof(
        self,
        seq: FromPath[int],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        audit: NamedDependency[Audit],
        size: Seq = None,
    ) -> InclusionOut:
        """For the log of ``size`` entries, such as a checkpoint's; without it, of all."""
        await access.permit(caller, Action.LOG_READ, detail=f"proof of entry {seq}")
        of, leaf, proof = await audit.inclusion(caller.account, min(max(seq, -1), 1 << 62), size)
        return InclusionOut(seq, of, leaf.hex(), hexes(proof))

    @get("/consistency", summary="That the log only grew")
    async def consistency(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        audit: NamedDependency[Audit],
        old: Annotated[int, QueryParameter(name="from", ge=0, le=1 << 62, description="entries then")],
        size: Annotated[int | None, QueryParameter(name="to", ge=0, le=1 << 62, description="entries later")] = None,
    ) -> ConsistencyOut:
        """Between two sizes, such as those of two checkpoints."""
        await access.permit(caller, Action.LOG_READ, detail=f"consistency from {old}")
        of, proof = await audit.consistency(old, size)
        return ConsistencyOut(old, of, hexes(proof))

    @get("/checkpoints", summary="Signed checkpoints")
    async def checkpoints(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        audit: NamedDependency[Audit],
        before: Seq = None,
        limit: Limit = 100,
    ) -> CheckpointsOut:
        """Newest first; ``before`` is ``next`` of the page before."""
        await access.permit(caller, Action.LOG_READ, detail="checkpoints")
        found = await audit.all_checkpoints(before, limit)
        items = [checkpoint_out(stored, audit.checkpoints.key) for stored in found]
        return CheckpointsOut(items, items[-1].size if len(items) == limit else None)

    @post("/checkpoint", summary="Sign a checkpoint over all there is now", status_code=200)
    async def new_checkpoint(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], audit: NamedDependency[Audit]
    ) -> CheckpointOut:
        """Refused when the log is not the one signed before."""
        await access.permit(caller, Action.LOG_READ, detail="sign a checkpoint")
        return checkpoint_out(await audit.checkpoints.make(), audit.checkpoints.key)

    @get("/checkpoint", summary="The newest signed checkpoint")
    async def checkpoint(self, audit: NamedDependency[Audit]) -> CheckpointOut:
        """Open to all: it says how many entries there are, and nothing about them."""
        return checkpoint_out(await audit.checkpoints.current(), audit.checkpoints.key)

    @get("/key", summary="The key checkpoints are signed with")
    async def key(self, audit: NamedDependency[Audit]) -> KeyOut:
        """Open to all."""
        return KeyOut(audit.checkpoints.key.name, audit.checkpoints.key.text)


def _wanted(wanted: Wanted) -> Wanted:
    """Raises Invalid for what no entry can have."""
    for name in ("camera", "account", "post", "action", "grant", "case", "purpose"):
        value = getattr(wanted, name)
        if len(value) > _LONGEST or "\0" in value:
            raise Invalid(f"{name} is at most {_LONGEST} characters, without NUL")
    if wanted.outcome not in ("", "allowed", "refused"):
        raise Invalid("outcome is allowed or refused")
    for name, moment in (("from", wanted.start), ("to", wanted.end)):
        if moment is not None and moment.tzinfo is None:
            raise Invalid(f"{name} needs an offset from UTC, such as 2026-01-31T08:00:00+07:00")
    return wanted


def _some(name: str, value: str) -> str:
    if not value.strip():
        raise Invalid(f"say which {name}")
    return value
