"""Agencies, posts, people and groups over HTTP, and who may change them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from centre_world import World, world
from grants_world import PASSWORD, Organisation
from inventory_world import put

pytestmark = pytest.mark.asyncio(loop_scope="module")
_WARD, _OTHER = "00004", "00070"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world(lease_s=30) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def people(here: World) -> Organisation:
    made = Organisation(here, await here.client())
    police = await made.agency("Công an thành phố")
    await made.agency("Công an phường Ba Đình", police)
    await made.agency("Sở Xây dựng")
    for username in ("lan", "minh", "chief"):
        await made.person(username)
    fleet = [("a", _WARD, "security"), ("b", _OTHER, "security"), ("d", _WARD, "defence")]
    await put(
        here, [{"id": i, "name": i, "unit": u, "purpose": p, "owner": "cong-an-phuong-ba-dinh"} for i, u, p in fleet]
    )
    return made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chief(people: Organisation) -> httpx.AsyncClient:
    """Administers one ward."""
    reply = await people.call(
        "PATCH", f"/accounts/{people.accounts['chief']}", {"role": "administrator", "units": [_WARD]}
    )
    assert reply["role"] == "administrator"
    return await people.client("chief")


async def test_the_tree_counts_what_the_reader_sees(people: Organisation, chief: httpx.AsyncClient) -> None:
    await people.post("cong-an-phuong-ba-dinh", "Trực ban phường", "ward_police", "lan")
    for client, cameras in ((people.admin, 3), (chief, 1)):
        items = (await people.call("GET", "/organisation/agencies", by=client))["items"]
        tree = {item["id"]: item for item in items}
        ward = tree["cong-an-phuong-ba-dinh"]
        assert (ward["depth"], ward["path"]) == (1, "cong-an-thanh-pho.cong-an-phuong-ba-dinh")
        assert (ward["posts"], ward["people"], ward["cameras"]) == (1, 1, cameras)
        assert tree["cong-an-thanh-pho"]["cameras"] == 0


async def test_links_begin_and_end(people: Organisation) -> None:
    link = {"from": "so-xay-dung", "to": "cong-an-thanh-pho", "kind": "coordinates", "basis": "QĐ 9"}
    await people.call("POST", "/organisation/links", link)
    items = (await people.call("GET", "/organisation/agencies"))["items"]
    (shown,) = next(item["links"] for item in items if item["id"] == "so-xay-dung")
    assert (shown["to"], shown["kind"], shown["basis"], shown["valid_to"]) == (
        "cong-an-thanh-pho",
        "coordinates",
        "QĐ 9",
        None,
    )
    await people.call("POST", "/organisation/links/end", link)
    await people.call("POST", "/organisation/links/end", link, status=404)
    await people.call("POST", "/organisation/links", {**link, "kind": "owns"}, status=400)
    await people.call("POST", "/organisation/links", {**link, "to": "nobody"}, status=404)


async def test_posts_are_found_by_words_and_by_place(people: Organisation) -> None:
    post = await people.post("so-xay-dung", "Kỹ sư hạ tầng", "engineer", "minh")
    for query in (
        {"q": "ky su ha"},
        {"q": "minh"},
        {"agency": "so-xay-dung"},
        {"kind": "engineer"},
        {"account": people.accounts["minh"]},
    ):
        found = (await people.call("GET", "/organisation/posts", **query))["items"]
        assert post in {item["id"] for item in found}, query
    below = (await people.call("GET", "/organisation/posts", agency="cong-an-thanh-pho", below=1))["items"]
    assert {item["agency"] for item in below} == {"cong-an-phuong-ba-dinh"}
    first = await people.call("GET", "/organisation/posts", limit=1)
    assert len(first["items"]) == 1 and first["next"]
    rest = await people.call("GET", "/organisation/posts", after=first["next"])
    assert first["items"][0]["id"] not in {item["id"] for item in rest["items"]}
    person = (await people.call("GET", "/organisation/people", q="ky su"))["items"][0]
    assert (person["username"], person["posts"][0]["title"]) == ("minh", "Kỹ sư hạ tầng")


async def test_what_makes_no_sense_is_refused(people: Organisation) -> None:
    body = {"agency": "so-xay-dung", "kind": "wizard", "title": "X"}
    await people.call("POST", "/organisation/posts", body, status=400)
    await people.call("POST", "/organisation/posts", {**body, "kind": "engineer", "title": " "}, status=400)
    await people.call("POST", "/organisation/posts", {**body, "kind": "engineer", "agency": "nobody"}, status=404)
    own = f"of-{people.accounts['lan']}"
    tenure = {"account": people.accounts["minh"], "basis": "QĐ"}
    await people.call("POST", f"/organisation/posts/{own}/tenures", tenure, status=409)
    await people.call("POST", "/organisation/posts/nobody/tenures", tenure, status=404)
    held = (await people.call("GET", "/organisation/posts", account=people.accounts["lan"]))["items"]
    personal = next(item for item in held if item["id"] == own)
    await people.call("POST", f"/organisation/tenures/{personal['holders'][0]['tenure']}/end", {}, status=409)


async def test_a_closed_post_gives_nothing(people: Organisation) -> None:
    post = await people.post("cong-an-thanh-pho", "Trực ban đêm", "duty_officer", "minh")
    await people.give(post=post, target={"units": [_WARD]})
    minh = await people.client("minh")
    seen = [(await minh.get("/api/v1/inventory/cameras")).status_code]
    for closed in (True, False):
        await people.call("PATCH", f"/organisation/posts/{post}", {"closed": closed})
        seen.append((await minh.get("/api/v1/inventory/cameras")).status_code)
    assert seen == [200, 403, 200]


async def test_nobody_appoints_beyond_what_they_administer(people: Organisation, chief: httpx.AsyncClient) -> None:
    inside = await people.post("cong-an-phuong-ba-dinh", "Trong phường")
    outside = await people.post("cong-an-phuong-ba-dinh", "Ngoài phường")
    whole = await people.post("cong-an-phuong-ba-dinh", "Quốc phòng")
    await people.give(post=inside, target={"units": [_WARD]})
    await people.give(post=outside, target={"units": [_WARD, _OTHER]})
    await people.give(post=whole, target={"units": [_WARD], "defence": True})
    body = {"account": people.accounts["chief"], "basis": "QĐ"}
    await people.call("POST", f"/organisation/posts/{inside}/tenures", body, by=chief)
    for post in (outside, whole):
        await people.call("POST", f"/organisation/posts/{post}/tenures", body, by=chief, status=403)
        await people.call("PATCH", f"/organisation/posts/{post}", {"closed": True}, by=chief, status=403)
    lan = await people.client("lan")
    await people.call("POST", f"/organisation/posts/{inside}/tenures", body, by=lan, status=403)


async def test_a_group_takes_what_its_keeper_decides_about(people: Organisation, chief: httpx.AsyncClient) -> None:
    await people.call("POST", "/organisation/groups", {"name": "Nút giao"}, by=chief)
    path = "/organisation/groups/nut-giao/cameras"
    assert (await people.call("POST", path, {"add": ["a"]}, by=chief))["cameras"] == 1
    hidden = await chief.post(f"/api/v1{path}", json={"add": ["d"]})
    missing = await chief.post(f"/api/v1{path}", json={"add": ["nothing"]})
    assert (hidden.status_code, hidden.content) == (404, missing.content)
    assert (await people.call("POST", path, {"add": ["d"]}))["cameras"] == 2
    groups = {item["id"]: item for item in (await people.call("GET", "/organisation/groups", by=chief))["items"]}
    assert groups["nut-giao"]["cameras"] == 1
    await people.call("POST", path, {"remove": ["a"]}, by=chief)
    groups = {item["id"]: item for item in (await people.call("GET", "/organisation/groups", by=chief))["items"]}
    assert "nut-giao" not in groups, "a group of nothing but hidden cameras"


async def test_a_moved_agency_ends_what_was_derived_in_its_fleet(people: Organisation) -> None:
    moved = await people.agency("Đội moved", "cong-an-thanh-pho")
    desk = await people.post("cong-an-thanh-pho", "Bàn giao", "duty_officer", "lan")
    above = await people.give(post=desk, target={"fleets": ["cong-an-thanh-pho"]}, passes=1)
    below = await people.give(post=desk, target={"fleets": [moved]}, parent=above["id"], by=await people.client("lan"))
    await people.call("PATCH", f"/registry/agencies/{moved}", {"parent": "so-xay-dung"})
    ended = await people.call("GET", f"/grants/{below['id']}")
    assert ended["revoked"]["by"] == "tree"
    assert (await people.call("GET", f"/grants/{above['id']}"))["revoked"] is None


async def test_moving_an_agency_is_for_those_who_administer(people: Organisation) -> None:
    body = {"username": "vy", "password": PASSWORD, "role": "operator"}
    await people.call("POST", "/accounts", body)
    vy = await people.client("vy")
    path = "/registry/agencies/so-xay-dung"
    await people.call("PATCH", path, {"kind": "department"}, by=vy)
    await people.call("PATCH", path, {"parent": "cong-an-thanh-pho"}, by=vy, status=403)
