"""The audit over HTTP and by command: questions in one call, who may ask, proof for an outsider, and a centre that is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from centre_world import World, add_camera, world

from khue.centre.audit.log import AccessLog, Entry
from khue.centre.audit.service import Audit
from khue.centre.config import CentreConfig
from khue.cli.audit_file import read_checkpoint
from khue.model.checkpoint import parse_key
from khue.model.merkle import consistent, included
from khue.store.engines import Engines, EngineSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")
PERIOD = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:01:00Z"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def _account(here: World, username: str, role: str, **scope: object) -> httpx.AsyncClient:
    admin = await here.client()
    made = await admin.post(
        "/api/v1/accounts", json={"username": username, "password": "Dai-va-kho-doan-7", "role": role}
    )
    assert made.status_code == 201, made.text
    if scope:
        changed = await admin.patch(f"/api/v1/accounts/{made.json()['id']}", json=scope)
        assert changed.status_code == 200, changed.text
    client = await here.client(username, "Dai-va-kho-doan-7")
    client.headers.update({"X-Khue-Purpose": "audit", "X-Khue-Case": "TT-1", "X-Khue-Reason": "a%20test"})
    return client


async def _placed(admin: httpx.AsyncClient, unit: str) -> dict[str, Any]:
    fields = {"name": f"in {unit}", "unit": unit, "rtsp_main": f"rtsp://192.0.2.5/{unit}", "purpose": "security"}
    made = await admin.post("/api/v1/registry/cameras", json={"fields": fields})
    assert made.status_code == 201, made.text
    return dict(made.json())


async def _json(client: httpx.AsyncClient, path: str, **params: object) -> Any:
    reply = await client.get(f"/api/v1/audit{path}", params=params)  # type: ignore[arg-type]
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_every_question_is_one_call(here: World) -> None:
    admin = await here.client()
    one, other = await add_camera(admin, "asked 1"), await add_camera(admin, "asked 2")
    for camera in (one, one, other):
        await admin.get(f"/api/v1/cameras/{camera['id']}/playback", params=PERIOD)
    viewer = await _account(here, "asker", "viewer")
    assert (
        await viewer.post("/api/v1/clips", json={"camera": one["id"], "stream": "main", **PERIOD})
    ).status_code == 403

    watched = (await _json(admin, "/watchers", camera=one["id"]))["items"]
    told = {item["username"]: (item["allowed"], item["refused"], item["actions"]) for item in watched}
    assert told == {"admin": (2, 0, ["camera:playback"]), "asker": (0, 1, ["clip:create"])}
    officer = await _json(admin, "/officer", account="ASKER")
    assert ("clip:create", 0, 1) in [(item["action"], item["allowed"], item["refused"]) for item in officer["items"]]
    assert [(item["camera"], item["name"]) for item in officer["cameras"]] == [(one["id"], "asked 1")]
    refused = (await _json(admin, "/refusals"))["items"]
    assert ("asker", "clip:create", 1) in [(item["username"], item["action"], item["count"]) for item in refused]
    later = (await _json(admin, "/refusals", **{"from": "2200-01-01T00:00:00Z"}))["items"]
    assert later == []


async def test_grants_nobody_used_are_named_and_used_ones_not(here: World) -> None:
    admin = await here.client()
    await _account(here, "idle", "operator")
    unused = {item["title"]: item["last_used"] for item in (await _json(admin, "/unused-grants", days=0))["items"]}
    assert unused["idle"] is None
    fresh = (await _json(admin, "/unused-grants", days=30))["items"]
    assert fresh == []  # given today: nobody could have used them for a month


async def test_entries_are_narrowed_and_paged(here: World) -> None:
    admin = await here.client()
    camera = await add_camera(admin, "paged")
    for _ in range(5):
        await admin.get(f"/api/v1/cameras/{camera['id']}/playback", params=PERIOD)
    pages, before = [], None
    while True:
        page = await _json(
            admin,
            "",
            camera=camera["id"],
            action="camera:playback",
            limit=2,
            **({} if before is None else {"before": before}),
        )
        pages += page["items"]
        before = page["next"]
        if before is None:
            break
    assert len(pages) == 5
    assert [item["seq"] for item in pages] == sorted((item["seq"] for item in pages), reverse=True)
    first = pages[0]
    assert (first["username"], first["camera_name"], first["outcome"], first["address"]) == (
        "admin",
        "paged",
        "allowed",
        "127.0.0.1",
    )
    assert first["grant"]
    assert first["clause"]
    assert first["version"]
    for narrow in ({"case": first["case_number"] or "none"}, {"grant": first["grant"]}, {"purpose": first["purpose"]}):
        found = await _json(admin, "", camera=camera["id"], **narrow)
        assert {item["seq"] for item in pages} <= {item["seq"] for item in found["items"]} or not first["case_number"]
    for wrong in ({"outcome": "perhaps"}, {"camera": "x" * 300}, {"from": "2026-01-01T00:00:00"}, {"limit": 0}):
        assert (await admin.get("/api/v1/audit", params=wrong)).status_code == 400, wrong  # type: ignore[arg-type]


async def test_reading_the_log_is_an_entry_itself(here: World) -> None:
    admin = await here.client()
    for path in ("?camera=", "/refusals", "/export", "/checkpoints", "/consistency?from=1", "/entries/0/proof"):
        before = await here.engines.database.fetchval("select max(seq) from audit_entry")
        assert (await admin.get(f"/api/v1/audit{path}")).status_code == 200
        row = await here.engines.database.fetchrow(
            "select action, username from audit_entry where seq = $1", before + 1
        )
        assert (row["action"], row["username"]) == ("log:read", "admin")


async def test_without_the_right_to_audit_there_is_a_checkpoint_and_nothing_else(here: World) -> None:
    operator = await _account(here, "no auditor", "operator")
    for path in (
        "",
        "/refusals",
        "/unused-grants",
        "/export",
        "/checkpoints",
        "/watchers?camera=x",
        "/officer?account=admin",
    ):
        reply = await operator.get(f"/api/v1/audit{path}")
        assert reply.status_code in (403, 404), path
    assert (await operator.post("/api/v1/audit/verify")).status_code == 403
    assert (await operator.post("/api/v1/audit/checkpoint")).status_code == 403
    anonymous = here.anonymous()
    assert (await anonymous.get("/api/v1/audit")).status_code == 401
    signed = await _json(anonymous, "/checkpoint")
    key = parse_key((await _json(anonymous, "/key"))["key"])
    assert key.signed(read_checkpoint(json.dumps(signed).encode()))


async def test_an_auditor_of_a_ward_reads_of_its_cameras_and_exports_the_rest_as_hashes(here: World) -> None:
    admin = await here.client()
    units = [unit["code"] for unit in (await admin.get("/api/v1/registry/units")).json()["items"]]
    inside, outside = await _placed(admin, units[0]), await _placed(admin, units[1])
    for camera in (inside, outside):
        await admin.get(f"/api/v1/cameras/{camera['id']}/playback", params=PERIOD)
    log = AccessLog(here.engines.database)
    for detail, named in (("both", (inside["id"], outside["id"])), ("one", (inside["id"],))):
        await log.write(Entry("a", "b", "grant:write", "::1", "allowed", detail=detail, named=named))
    auditor = await _account(here, "ward auditor", "auditor", units=[units[0]])
    items = (await _json(auditor, "", limit=1000))["items"]
    assert {item["detail"] for item in items} & {"both", "one"} == {"one"}
    seen = {item["camera"] for item in items}
    assert inside["id"] in seen
    assert outside["id"] not in seen
    assert (await auditor.get("/api/v1/audit", params={"camera": outside["id"]})).status_code == 404
    assert (await auditor.get("/api/v1/audit/watchers", params={"camera": outside["id"]})).status_code == 404
    hidden = await here.engines.database.fetchval("select min(seq) from audit_entry where camera = $1", outside["id"])
    assert (await auditor.get(f"/api/v1/audit/entries/{hidden}/proof")).status_code == 404
    file = await auditor.get("/api/v1/audit/export")
    assert outside["id"] not in file.text
    assert inside["id"] in file.text
    assert '"withheld":' in file.text


async def test_proofs_over_http_hold(here: World) -> None:
    admin = await here.client()
    old = await _json(admin, "/checkpoint")
    for _ in range(3):
        await _json(admin, "", limit=1)
    new = (await admin.post("/api/v1/audit/checkpoint")).json()
    assert new["size"] > old["size"]
    grown = await _json(admin, "/consistency", **{"from": old["size"], "to": new["size"]})
    roots = bytes.fromhex(old["root"]), bytes.fromhex(new["root"])
    assert consistent(old["size"], new["size"], *roots, [bytes.fromhex(value) for value in grown["proof"]])
    one = await _json(admin, "/entries/2/proof", size=new["size"])
    entry = next(item for item in (await _json(admin, "", before=3, limit=1))["items"])
    assert one["leaf"] == entry["leaf"]
    assert included(2, new["size"], bytes.fromhex(one["leaf"]), [bytes.fromhex(v) for v in one["proof"]], roots[1])
    for path in ("/entries/99999999/proof", f"/entries/2/proof?size={1 << 60}", f"/consistency?from=1&to={1 << 60}"):
        assert (await admin.get(f"/api/v1/audit{path}")).status_code == 404


async def _khue(here: World, token: str, *arguments: object) -> tuple[int, str, str]:
    environment = {**os.environ, "KHUE_URL": here.centre.url, "KHUE_TOKEN": token}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "khue.run", "audit", *map(str, arguments)),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_an_outsider_and_the_commands(here: World, tmp_path: Path) -> None:
    admin = await here.client()
    camera = await add_camera(admin, "commanded")
    await admin.get(f"/api/v1/cameras/{camera['id']}/playback", params=PERIOD)
    token = await here.centre.accounts.machine_token()
    code, out, _ = await _khue(here, token, "checkpoint", "--json")
    assert code == 0
    (tmp_path / "checkpoint.json").write_text(out)
    key = json.loads(out)["key"]
    log = tmp_path / "log.ndjson"
    assert (await _khue(here, token, "export", log))[0] == 0
    checked = ("verify", log, "--checkpoint", tmp_path / "checkpoint.json")
    code, out, _ = await _khue(here, "nonsense", *checked, "--key", key)  # who checks has no account
    assert (code, out.startswith("true: ")) == (0, True)
    code, out, _ = await _khue(here, token, "search", "--camera", camera["id"], "--action", "camera:playback", "--json")
    assert (code, [item["camera_name"] for item in json.loads(out)["items"]]) == (0, ["commanded"])
    for arguments in (("who", camera["id"]), ("officer", "admin"), ("unused",), ("refusals",), ("verify",)):
        code, out, err = await _khue(here, token, *arguments, "--json")
        assert code == 0, err
        json.loads(out)
    lines = log.read_text().splitlines()
    lines[4] = lines[4].replace('"outcome":"allowed"', '"outcome":"refused"')
    log.write_text("\n".join(lines) + "\n")
    code, out, err = await _khue(here, "nonsense", *checked, "--json")
    assert (code, json.loads(out)["first_bad"], json.loads(out)["change"]) == (1, 3, "edited")
    assert "entry 3 edited" in err


async def test_a_changed_row_is_named_by_the_centre_and_shown_in_its_health() -> None:
    async with world() as here:
        admin = await here.client()
        for number in range(5):
            await add_camera(admin, f"bent {number}")
        assert (await admin.post("/api/v1/audit/checkpoint")).status_code == 200
        async with here.engines.database.transaction() as session:
            await session.execute("set local session_replication_role = replica")
            await session.execute("update audit_entry set detail = 'nothing' where seq = 3")
            await session.execute("update audit_batch set leaves = sha256('x') where first = 4")
        found = (await admin.post("/api/v1/audit/verify")).json()
        assert (found["ok"], found["first_bad"], found["change"]) == (False, 3, "edited")
        assert (await admin.post("/api/v1/audit/checkpoint")).status_code == 500
        health = (await here.anonymous().get("/api/v1/health")).json()
        assert (health["ok"], health["audit"]) == (True, False)


_WRITER = """
import asyncio, sys
from pathlib import Path
from khue.centre.audit.log import AccessLog, Entry
from khue.store.postgres import Database

async def main():
    database = Database(sys.argv[1])
    await database.start()
    log = AccessLog(database)

    async def one(number):
        while True:
            await log.write(Entry("a", f"writer {number}", "camera:live", "::1", "allowed"))
            print(number, flush=True)

    await asyncio.gather(*map(one, range(64)))

asyncio.run(main())
"""


async def test_a_process_killed_while_it_writes_leaves_rows_and_tree_that_agree() -> None:
    with tempfile.TemporaryDirectory(prefix="khue-test-") as directory:
        Path(directory).chmod(0o755)
        engines = Engines(EngineSettings(data_dir=Path(directory)))
        await engines.start()
        assert engines.postgres is not None
        try:
            told = 0
            for _ in range(3):
                writer = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-c", _WRITER, engines.postgres.dsn), stdout=subprocess.PIPE
                )
                assert writer.stdout is not None
                for _ in range(1500):
                    assert await writer.stdout.readline()
                    told += 1
                writer.send_signal(signal.SIGKILL)
                told += (await writer.stdout.read()).count(b"\n")
                await writer.wait()
            found = await Audit(engines.database, CentreConfig(data_dir=directory)).verify()
            assert found.ok, found.why
            assert found.size >= told  # what was answered is stored
            assert found.size == await engines.database.fetchval("select count(*) from audit_entry")
        finally:
            await engines.stop()
