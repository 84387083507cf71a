"""Agencies, posts, people and groups as JSON."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
from litestar import Controller, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.organisation.agencies import AgencyNode
from khue.centre.organisation.groups import Group
from khue.centre.organisation.people import Person
from khue.centre.organisation.posts import Post
from khue.centre.organisation.service import Organisation

Limit = Annotated[int, QueryParameter(ge=1, le=1000)]


class AgencyNodesOut(msgspec.Struct):
    items: list[AgencyNode]


class LinkIn(msgspec.Struct, rename={"above": "from", "below": "to"}):
    """``kind``: directs, supervises or coordinates. ``basis`` is a document number."""

    above: str
    below: str
    kind: str
    basis: str = ""


class PostsOut(msgspec.Struct):
    items: list[Post]
    next: str | None


class PostIn(msgspec.Struct):
    """``kind`` is a word of the regulation; the id follows from agency and title unless given."""

    agency: str
    kind: str
    title: str
    title_en: str = ""
    id: str = ""


class PostChange(msgspec.Struct):
    title: str | None = None
    title_en: str | None = None
    closed: bool | None = None


class TenureIn(msgspec.Struct):
    """``basis`` is the number of the decision that appoints."""

    account: str
    basis: str
    valid_from: dt.datetime | None = None
    valid_to: dt.datetime | None = None


class TenureOut(msgspec.Struct):
    tenure: int


class EndIn(msgspec.Struct):
    reason: str = ""


class PeopleOut(msgspec.Struct):
    items: list[Person]
    next: str | None


class GroupsOut(msgspec.Struct):
    items: list[Group]


class GroupIn(msgspec.Struct):
    name: str
    agency: str | None = None


class MembersIn(msgspec.Struct):
    """Camera ids."""

    add: list[str] = []
    remove: list[str] = []


class MembersOut(msgspec.Struct):
    """How many of its cameras the caller sees."""

    cameras: int


class OrganisationController(Controller):
    path = "/api/v1/organisation"
    tags = ("organisation",)

    @get("/agencies", summary="The tree of agencies, with posts, people, cameras and links")
    async def agencies(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        organisation: NamedDependency[Organisation],
    ) -> AgencyNodesOut:
        await access.permit(caller, Action.ORGANISATION_READ)
        return AgencyNodesOut(await organisation.agencies.all(caller.account))

    @post("/links", summary="Link two agencies across the tree", status_code=204)
    async def link(
        self,
        data: JSONBody[LinkIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        organisation: NamedDependency[Organisation],
    ) -> None:
        what = f"link {data.above} {data.kind} {data.below}"
        await access.permit(caller, Action.ORGANISATION_WRITE, detail=what)
        await organisation.agencies.link(data.above, data.below, data.kind, data.basis)

    @post("/links/end", summary="End a link", status_code=204)
    async def end_link(
        self,
        data: JSONBody[LinkIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        organisation: NamedDependency[Organisation],
    ) -> None:
        what = f"end link {data.above} {data.kind} {data.below}"
        await access.permit(caller, Action.ORGANISATION_WRITE, detail=what)
        await organisation.agencies.end_link(data.above, data.below, data.kind)

    @get("/posts", summary="Posts and who holds them")
    async def posts(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        organisation: NamedDependency[Organisation],
        agency: FromQuery[str] = "",
        kind: FromQuery[str] = "",
        account: FromQuery[str] = "",
        q: FromQuery[str] = "",
        below: Annotated[int, QueryParameter(ge=0, le=1)] = 0,
        after: FromQuery[str] = "",
        limit: Limit = 200,
    ) -> PostsOut:
        """By title. Personal posts only when an account or words are given."""
        await access.permit(caller, Action.ORGANISATION_READ)
        found, following = await organisation.posts.find(
            caller.account,
            agency=agency,
            below=bool(below),
            kind=kind,
            account=account,
            words=q,
            after=after,
            limit=limit,
        )
        return PostsOut(found, following)

    @post("/posts", summary="Make a post")
    async def add_post(
        self,
        data: JSONBody[PostIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        organisation: NamedDependency[Organisation],
    ) -> Post:
        what = f"post {data.title[:100]} in {data.agency}"
        await access.permit(caller, Action.ORGANISATION_WRITE, detail=what)
        made = await organisation.posts.add(caller.account, data.agency, data.kind, data.title, data.title_en, data.id)
        return await organisation.posts.read(caller.account, made)

    @patch("/posts/{post_id:str}", summary="Rename, close or open a post")
    async def change_post(
        self,
        post_id: FromPath[str],
        data: JSONBody[PostChange],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        organisation: NamedDependency[Organisation],
    ) -> Post:
        """What a closed post was given is nobody's until it is opened again."""
        await access.permit(caller, Action.ORGANISATION_WRITE, detail=f"change post {post_id}")
        await organisation.posts.change(caller.account, post_id, data.title, data.title_en, data.closed)
        return await organisation.posts.read(caller.account, post_id)

    @post("/posts/{post_id:str}/tenures", summary="Appoint somebody to a post")
    async def appoint(
        self,
        post_id: FromPath[str],
        data: JSONBody[TenureIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        organisation: NamedDependency[Organisation],
    ) -> TenureOut:
        what = f"appoint {data.account} to {post_id}: {data.basis[:100]}"
        await access.permit(caller, Action.ORGANISATION_WRITE, detail=what)
        arguments = (caller.account, post_id, data.account, data.basis, data.valid_from, data.valid_to)
        return TenureOut(await organisation.posts.appoint(*arguments))

    @post("/tenures/{tenure:int}/end", summary="End a tenure now", status_code=204)
    async def end_tenure(
        self,
        tenure: FromPath[int],
        data: JSONBody[EndIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        organisation: NamedDependency[Organisation],
    ) -> None:
        await access.permit(caller, Action.ORGANISATION_WRITE, detail=f"end tenure {tenure}: {data.reason[:200]}")
        await organisation.posts.end_tenure(caller.account, tenure, data.reason)

    @get("/people", summary="People and the posts they hold")
    async def people(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        organisation: NamedDependency[Organisation],
        q: FromQuery[str] = "",
        agency: FromQuery[str] = "",
        after: FromQuery[str] = "",
        limit: Limit = 200,
    ) -> PeopleOut:
        """By user name; those of an agency with those below it."""
        await access.permit(caller, Action.ORGANISATION_READ)
        return PeopleOut(*await organisation.people.find(q, agency, after, limit))

    @get("/groups", summary="Named groups of cameras")
    async def groups(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        organisation: NamedDependency[Organisation],
    ) -> GroupsOut:
        await access.permit(caller, Action.ORGANISATION_READ)
        return GroupsOut(await organisation.groups.all(caller.account))

    @post("/groups", summary="Make a group of cameras")
    async def add_group(
        self,
        data: JSONBody[GroupIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        organisation: NamedDependency[Organisation],
    ) -> Group:
        await access.permit(caller, Action.REQUEST_DECIDE, detail=f"group {data.name[:100]}")
        return await organisation.groups.add(caller.account, data.name, data.agency)

    @post("/groups/{group:str}/cameras", summary="Put cameras into a group, take others out", status_code=200)
    async def change_group(
        self,
        group: FromPath[str],
        data: JSONBody[MembersIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        organisation: NamedDependency[Organisation],
    ) -> MembersOut:
        """Only cameras whose requests the caller decides."""
        what = f"group {group}: {len(data.add)} in, {len(data.remove)} out"
        await access.permit(caller, Action.REQUEST_DECIDE, detail=what, cameras=len(data.add) + len(data.remove))
        return MembersOut(await organisation.groups.change(caller.account, group, data.add, data.remove))
