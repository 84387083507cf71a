"""Nodes let in: a token is used once, by whoever it was made for, against a key that never left the node."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import nkeys
import pytest
from centre_world import FakeNode, World, until, world

from khue.cli.authority import Authority
from khue.model.errors import ConfigError, Denied, LinkError
from khue.node.enrolment import enrol, settings
from khue.store.embedded_nats import new_node_key
from khue.wire.enrolment import Enrol, Offer, pack, signed, unpack


@pytest.fixture
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def _offer(client: httpx.AsyncClient, node: str, **more: object) -> str:
    reply = await client.post("/api/v1/nodes/enrolments", json={"id": node, "sites": ["ward"], **more})
    assert reply.status_code == 201, reply.text
    return str(reply.json()["token"])


def _asking(token: str, seed: str, *, key: str = "", signer: str = "") -> dict[str, str]:
    """What a node posts; with ``key`` or ``signer`` one that lies."""
    offer = unpack(token)
    key = key or nkeys.from_seed(bytearray(seed.encode())).public_key.decode()
    proof = nkeys.from_seed(bytearray((signer or seed).encode())).sign(signed(offer.id, offer.secret, key))
    asked = Enrol(offer.id, offer.secret, key, base64.b64encode(proof).decode())
    return dict(msgspec.to_builtins(asked))


async def _node(here: World, folder: Path, node: str) -> FakeNode:
    """A node with what enrolling gave its folder."""
    given = settings(folder)
    fake = FakeNode(str(given["nats"]), node, str(given["token"]))
    await fake.start()
    return fake


async def _lines(here: World) -> list[tuple[str, str, str]]:
    client = await here.client()
    items = (await client.get("/api/v1/audit", params={"action": "node:enrol"})).json()["items"]
    return [(item["username"], item["outcome"], item["detail"]) for item in items]


async def test_a_node_enrols_itself_and_its_token_is_then_nothing(here: World, tmp_path: Path) -> None:
    admin = await here.client()
    token = await _offer(admin, "ward-01")
    assert [one["id"] for one in (await admin.get("/api/v1/nodes/enrolments")).json()["items"]] == ["ward-01"]
    await asyncio.to_thread(enrol, tmp_path, token)
    kept = tmp_path / "enrolment.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    seed = json.loads(kept.read_text())["seed"]
    assert settings(tmp_path) == {"id": "ward-01", "nats": here.engines.bus_url, "token": seed, "sites": ("ward",)}

    node = await _node(here, tmp_path, "ward-01")
    try:
        nodes = {one["id"]: one for one in (await admin.get("/api/v1/nodes")).json()["items"]}
        assert nodes["ward-01"]["alive"]
        assert nodes["ward-01"]["sites"] == ["ward"]
        # a service that is restarted with the same command line
        await asyncio.to_thread(enrol, tmp_path, token)
        assert json.loads(kept.read_text())["seed"] == seed
        # whoever found the token afterwards
        with pytest.raises(Denied, match=r"used already, at .* from 127\.0\.0\.1"):
            await asyncio.to_thread(enrol, tmp_path / "thief", token)
        assert settings(tmp_path / "thief") == {}
        assert node.bus.connected
    finally:
        await node.stop()
    assert (await admin.get("/api/v1/nodes/enrolments")).json()["items"] == []
    (again, first) = await _lines(here)
    assert first[:2] == ("node ward-01", "allowed")
    assert again[1] == "refused"
    assert "used already" in again[2]


async def test_the_centre_never_holds_the_seed(here: World, tmp_path: Path) -> None:
    token = await _offer(await here.client(), "ward-02")
    await asyncio.to_thread(enrol, tmp_path, token)
    seed = json.loads((tmp_path / "enrolment.json").read_text())["seed"]
    secret = unpack(token).secret
    for path in Path(here.config.data_dir).rglob("*"):
        if path.is_file() and path.stat().st_size < 64 * 1024 * 1024:
            data = path.read_bytes()
            assert seed.encode() not in data, path
            assert secret.encode() not in data, path


async def test_of_many_at_once_one_is_let_in(here: World) -> None:
    token = await _offer(await here.client(), "contested")
    keys = [new_node_key() for _ in range(6)]
    visitor = here.anonymous()
    replies = await asyncio.gather(
        *(visitor.post("/api/v1/nodes/enrol", json=_asking(token, seed)) for seed, _ in keys)
    )
    assert sorted(reply.status_code for reply in replies) == [200, 403, 403, 403, 403, 403]
    winner = next(public for (_, public), reply in zip(keys, replies, strict=True) if reply.status_code == 200)
    assert await here.engines.database.fetchval("select bus_key from node where id = 'contested'") == winner


async def test_ended_withdrawn_superseded_and_made_up_tokens(here: World, tmp_path: Path) -> None:
    admin = await here.client()
    ended = await _offer(admin, "late")
    await here.engines.database.execute("update node_enrolment set expires = now() - interval '1 second'")
    with pytest.raises(Denied, match="ended at"):
        await asyncio.to_thread(enrol, tmp_path, ended)

    superseded = await _offer(admin, "twice")
    withdrawn = await _offer(admin, "twice")
    with pytest.raises(Denied, match="withdrawn"):
        await asyncio.to_thread(enrol, tmp_path, superseded)
    open_offers = (await admin.get("/api/v1/nodes/enrolments")).json()["items"]
    assert (await admin.delete(f"/api/v1/nodes/enrolments/{open_offers[0]['offer']}")).status_code == 204
    with pytest.raises(Denied, match="withdrawn"):
        await asyncio.to_thread(enrol, tmp_path, withdrawn)

    right = unpack(await _offer(admin, "guessed"))
    guessed = pack(msgspec.structs.replace(right, secret="x" * len(right.secret)))
    with pytest.raises(Denied, match="not one of this centre's"):
        await asyncio.to_thread(enrol, tmp_path, guessed)
    assert {one["id"] for one in (await admin.get("/api/v1/nodes")).json()["items"]} == set()
    assert {outcome for _, outcome, _ in await _lines(here)} == {"refused"}


async def test_a_key_needs_its_holder_and_is_a_key(here: World) -> None:
    admin = await here.client()
    token = await _offer(admin, "proof")
    (mine, _), (_, theirs) = new_node_key(), new_node_key()
    visitor = here.anonymous()
    lies = [
        _asking(token, mine, key=theirs),  # somebody else's key
        _asking(token, mine, key='UAAA", permissions: {}}'),
        _asking(token, mine, key=""),
        _asking(token, mine) | {"proof": ""},
        _asking(token, mine) | {"proof": "not base64 é"},
        _asking(token, mine) | {"key": nkeys.from_seed(bytearray(_account_seed())).public_key.decode()},
    ]
    lies[2]["key"] = ""
    for lie in lies:
        reply = await visitor.post("/api/v1/nodes/enrol", json=lie)
        assert reply.status_code == 403, lie
    # lies cost the token nothing
    assert (await visitor.post("/api/v1/nodes/enrol", json=_asking(token, mine))).status_code == 200


def _account_seed() -> bytes:
    return bytes(nkeys.encode_seed(b"1" * 32, nkeys.PREFIX_BYTE_ACCOUNT))


async def test_attempts_are_slowed(here: World) -> None:
    visitor = here.anonymous()
    lie = {"id": "0" * 16, "secret": "s", "key": "k", "proof": "p"}
    statuses = [(await visitor.post("/api/v1/nodes/enrol", json=lie)).status_code for _ in range(12)]
    assert statuses == [403] * 10 + [429] * 2
    assert len(await _lines(here)) == 10


async def test_enrolling_again_ends_the_old_key(here: World, tmp_path: Path) -> None:
    admin = await here.client()
    await asyncio.to_thread(enrol, tmp_path / "old", await _offer(admin, "moved"))
    old = await _node(here, tmp_path / "old", "moved")
    try:
        reply = await admin.post("/api/v1/nodes/enrolments", json={"id": "moved"})
        assert reply.status_code == 409
        token = await _offer(admin, "moved", again=True)
        assert old.bus.connected, "an offer alone changes nothing"
        await asyncio.to_thread(enrol, tmp_path / "new", token)
        new = await _node(here, tmp_path / "new", "moved")
        try:
            await until(lambda: _is(not old.bus.connected))
            with pytest.raises(LinkError):
                await old.bus.wait_connected(1.5)
            assert new.bus.connected
        finally:
            await new.stop()
    finally:
        await old.stop()


async def _is(value: bool) -> bool:
    return value


async def test_offers_are_for_those_who_may(here: World) -> None:
    admin = await here.client()
    body = {"username": "officer", "password": "a long enough passphrase 7", "role": "viewer"}
    assert (await admin.post("/api/v1/accounts", json=body)).status_code == 201
    viewer = await here.client("officer", body["password"])
    assert (await viewer.post("/api/v1/nodes/enrolments", json={"id": "n"})).status_code == 403
    assert (await viewer.get("/api/v1/nodes/enrolments")).status_code == 403
    assert (await here.anonymous().post("/api/v1/nodes/enrolments", json={"id": "n"})).status_code == 401
    assert (await admin.post("/api/v1/nodes/enrolments", json={"id": "a.b"})).status_code == 400


class _Watching:
    """Somebody between the node and its centre, who answers with an authority of their own."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heard.append(request.split("\r\n")[0])
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnone"
        )
        await writer.drain()
        writer.close()


async def test_a_node_says_nothing_to_a_stranger(tmp_path: Path) -> None:
    plain = Offer("1", "n", "secret", "http://192.0.2.1:8080")
    with pytest.raises(ConfigError, match="would travel readable"):
        await asyncio.to_thread(enrol, tmp_path, pack(plain))
    with pytest.raises(ConfigError, match="not an enrolment token"):
        await asyncio.to_thread(enrol, tmp_path, "khue-enrol-abc")
    with pytest.raises(ConfigError, match="not an enrolment token"):
        await asyncio.to_thread(enrol, tmp_path, new_node_key()[0])
    with pytest.raises(LinkError, match="cannot be reached"):
        await asyncio.to_thread(enrol, tmp_path, pack(Offer("1", "n", "secret", "http://127.0.0.1:1")))


async def test_a_node_knows_its_centre_by_the_token(tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger")
    stranger.create(["localhost"])
    stranger.issue("centre", ["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*stranger.files("centre"))
    watching = _Watching()
    server = await asyncio.start_server(watching.serve, "127.0.0.1", 0, ssl=context)
    try:
        port = server.sockets[0].getsockname()[1]
        known = hashlib.sha256(b"the right authority").hexdigest()
        offer = Offer("1", "n", "the secret", f"https://localhost:{port}", known)
        with pytest.raises(ConfigError, match="is not the centre this token was made by"):
            await asyncio.to_thread(enrol, tmp_path / "node", pack(offer))
        assert watching.heard == ["GET /api/v1/nodes/authority HTTP/1.1"], "the secret was not sent"
    finally:
        server.close()
        await server.wait_closed()
