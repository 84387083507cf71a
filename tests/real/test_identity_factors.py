"""Codes of a phone and on paper as a second factor: set up, used once, slowed, removed; over HTTP and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from centre_world import World, world
from click.testing import CliRunner, Result

from khue.centre.audit.log import AccessLog
from khue.centre.identity.second_factors import SecondFactors
from khue.centre.identity.totp import STEP_S, code_at
from khue.centre.secrets import load_vault
from khue.cli.camera import login
from khue.model.time import SystemClock

pytestmark = pytest.mark.asyncio(loop_scope="module")
PASSWORD = "long enough 1"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


class Person:
    """An account with codes set up. ``code(n)`` is that of n steps from now: each is good once, so tests go forward."""

    def __init__(self, here: World, username: str) -> None:
        self.here = here
        self.username = username
        self.secret = b""
        self.recovery: list[str] = []
        self.client: httpx.AsyncClient

    async def set_up(self) -> Person:
        admin = await self.here.client()
        made = {"username": self.username, "password": PASSWORD, "role": "viewer"}
        assert (await admin.post("/api/v1/accounts", json=made)).status_code == 201
        self.client = await self.here.client(self.username, PASSWORD)
        begun = (await self.client.post("/api/v1/me/totp")).json()
        await self.far_from_the_next_step()
        self.secret = await self.stored_secret()
        reply = await self.client.post("/api/v1/me/totp/confirm", json={"code": self.code(-1)})
        assert reply.status_code == 200, reply.text
        self.recovery = reply.json()["recovery"]
        assert begun["uri"].startswith("otpauth://totp/khue:")
        return self

    async def stored_secret(self) -> bytes:
        row = await self.here.engines.database.fetchrow(
            "select t.secret, t.account from totp t join account a on a.id = t.account where a.username = $1",
            self.username,
        )
        assert row is not None
        return load_vault(self.here.config.keys).open_bytes(row["secret"], f"totp {row['account']}")

    async def far_from_the_next_step(self) -> None:
        """A code of the step before is good for what is left of this one."""
        if (left := STEP_S - time.time() % STEP_S) < 8:
            await asyncio.sleep(left)

    def code(self, steps: int = 0) -> str:
        return code_at(self.secret, int(time.time() // STEP_S) + steps)

    async def half(self, client: httpx.AsyncClient | None = None) -> dict[str, Any]:
        """What the password alone gives."""
        client = client or self.here.anonymous()
        reply = await client.post("/api/v1/session", json={"username": self.username, "password": PASSWORD})
        assert reply.status_code == 202, reply.text
        assert "set-cookie" not in reply.headers
        return dict(reply.json())

    async def second(self, ticket: str, client: httpx.AsyncClient | None = None, **given: object) -> httpx.Response:
        client = client or self.here.anonymous()
        return await client.post("/api/v1/session/second", json={"ticket": ticket, **given})

    async def forgiven(self) -> None:
        """As after an hour of quiet."""
        await self.here.engines.database.execute("delete from login_throttle")


async def _log(here: World, username: str, action: str) -> Sequence[tuple[str, str]]:
    """(outcome, detail) of one's entries, the oldest first."""
    rows = await here.engines.database.fetch(
        "select outcome, detail from audit_entry where username = $1 and action = $2 order by seq", username, action
    )
    return [(row["outcome"], row["detail"]) for row in rows]


async def test_codes_are_set_up_by_scanning_and_typing_one(here: World) -> None:
    admin = await here.client()
    made = {"username": "scanner", "password": PASSWORD, "role": "viewer"}
    await admin.post("/api/v1/accounts", json=made)
    client = await here.client("scanner", PASSWORD)
    begun = (await client.post("/api/v1/me/totp")).json()
    assert begun["qr"].startswith("<svg")
    assert begun["secret"] in begun["uri"]
    assert (await client.get("/api/v1/me")).json()["totp"] is False
    again = await here.client("scanner", PASSWORD)  # what is not confirmed is not asked for
    assert (await again.post("/api/v1/me/totp/confirm", json={"code": "12345x"})).status_code == 400
    assert (await again.get("/api/v1/me")).json()["totp"] is False


async def test_a_second_factor_comes_after_the_password(here: World) -> None:
    person = await Person(here, "phone").set_up()
    assert len(set(person.recovery)) == 10
    mine = (await person.client.get("/api/v1/me")).json()
    assert (mine["totp"], mine["recovery_left"], mine["passkeys"], mine["must"]) == (True, 10, [], [])
    client = here.anonymous()
    half = await person.half(client)
    assert half["second"] == ["totp", "recovery"]
    assert (await client.get("/api/v1/session")).status_code == 401
    done = await person.second(half["ticket"], client, totp=person.code())
    assert (done.status_code, done.json()["account"]["username"]) == (200, "phone")
    assert (await client.get("/api/v1/session")).status_code == 200
    listed = (await client.get("/api/v1/me/sessions")).json()["items"]
    assert {item["method"]: item["current"] for item in listed} == {"password": False, "totp": True}
    assert [outcome for outcome, _ in await _log(here, "phone", "totp:enrol")] == ["allowed"]
    assert (await _log(here, "phone", "session:create"))[-1][1].startswith("totp ")


async def test_a_code_is_good_once(here: World) -> None:
    person = await Person(here, "replay").set_up()
    code = person.code()
    assert (await person.second((await person.half())["ticket"], totp=code)).status_code == 200
    refused = await person.second((await person.half())["ticket"], totp=code)
    assert refused.status_code == 401
    assert (await person.second((await person.half())["ticket"], totp=person.code(-1))).status_code == 401
    assert (await _log(here, "replay", "session:create"))[-1] == ("refused", "wrong code")


async def test_of_many_who_show_one_code_at_once_one_gets_in(here: World) -> None:
    person = await Person(here, "race").set_up()
    tickets = [(await person.half())["ticket"] for _ in range(4)]
    await person.forgiven()
    code = person.code()
    replies = await asyncio.gather(*(person.second(ticket, totp=code) for ticket in tickets))
    assert sorted(reply.status_code for reply in replies) == [200, 401, 401, 401]
    other = await Person(here, "race2").set_up()  # and at the one place that decides, where nothing slows them
    account = (await other.client.get("/api/v1/session")).json()["account"]["id"]
    vault = load_vault(here.config.keys)
    factors = SecondFactors(here.engines.database, AccessLog(here.engines.database), vault, SystemClock())
    used = await asyncio.gather(*(factors.use_totp(account, other.code()) for _ in range(8)))
    assert used.count(True) == 1


async def test_of_many_who_show_one_ticket_at_once_one_gets_in(here: World) -> None:
    person = await Person(here, "tickets").set_up()
    ticket = (await person.half())["ticket"]
    replies = await asyncio.gather(*(person.second(ticket, recovery=code) for code in person.recovery[:4]))
    assert sorted(reply.status_code for reply in replies) == [200, 401, 401, 401]
    assert (await person.second(ticket, totp=person.code())).status_code == 401


async def test_a_ticket_is_bound_to_its_address_and_its_time(here: World) -> None:
    person = await Person(here, "bound").set_up()
    ticket = (await person.half())["ticket"]
    await here.engines.database.execute("update ticket set address = '192.0.2.77'")
    assert (await person.second(ticket, totp=person.code())).status_code == 401
    ticket = (await person.half())["ticket"]
    await here.engines.database.execute("update ticket set expires = now()")
    assert (await person.second(ticket, totp=person.code())).status_code == 401
    assert (await person.second("made up", totp=person.code())).status_code == 401
    assert ("refused", "unknown ticket") in await _log(here, "", "session:create")


async def test_a_recovery_code_is_good_once_however_it_is_typed(here: World) -> None:
    person = await Person(here, "paper").set_up()
    code = person.recovery[3]
    typed = f" {code.upper().replace('-', ' ')} "
    assert (await person.second((await person.half())["ticket"], recovery=typed)).status_code == 200
    assert (await person.second((await person.half())["ticket"], recovery=code)).status_code == 401
    mine = (await person.client.get("/api/v1/me")).json()
    assert mine["recovery_left"] == 9
    other = await Person(here, "paper2").set_up()
    assert (await other.second((await other.half())["ticket"], recovery=person.recovery[4])).status_code == 401
    renewed = await person.client.post("/api/v1/me/recovery", json={"password": PASSWORD})
    assert len(renewed.json()["recovery"]) == 10
    await person.forgiven()
    assert (await person.second((await person.half())["ticket"], recovery=person.recovery[5])).status_code == 401


async def test_guessing_codes_is_slowed_like_guessing_passwords(here: World) -> None:
    """Whoever knows the password may not begin anew to be counted anew."""
    person = await Person(here, "guessed").set_up()
    await person.forgiven()
    statuses = []
    client = here.anonymous()
    for _ in range(6):
        reply = await client.post("/api/v1/session", json={"username": "guessed", "password": PASSWORD})
        if reply.status_code == 202:
            reply = await person.second(reply.json()["ticket"], client, totp="000000")
        statuses.append(reply.status_code)
    assert statuses[0] == 401
    assert 429 in statuses
    await person.forgiven()


async def test_one_ticket_is_good_for_five_tries(here: World) -> None:
    person = await Person(here, "tries").set_up()
    ticket = (await person.half())["ticket"]
    for _ in range(5):
        await person.forgiven()
        assert (await person.second(ticket, totp="000000")).status_code == 401
    await person.forgiven()
    assert (await person.second(ticket, totp=person.code())).status_code == 401
    assert (await _log(here, "tries", "session:create"))[-1] == ("refused", "ticket used up")


async def test_removing_needs_the_password(here: World) -> None:
    person = await Person(here, "remover").set_up()
    url = "/api/v1/me/totp"
    assert (await person.client.request("DELETE", url, json={"password": "wrong"})).status_code == 403
    assert (await person.client.post(url)).status_code == 409  # and no other one is put in its place
    assert (await person.client.request("DELETE", url, json={"password": PASSWORD})).status_code == 204
    assert (await here.client("remover", PASSWORD)).cookies
    assert [outcome for outcome, _ in await _log(here, "remover", "totp:remove")] == ["allowed"]


async def test_the_present_password_cannot_be_guessed_from_inside(here: World) -> None:
    person = await Person(here, "inside").set_up()
    statuses = [
        (await person.client.request("DELETE", "/api/v1/me/totp", json={"password": f"guess {number}"})).status_code
        for number in range(7)
    ]
    assert statuses[:5] == [403] * 5
    assert 429 in statuses
    await person.forgiven()


async def test_an_administrator_removes_what_was_lost_and_ends_every_sign_in(here: World) -> None:
    person = await Person(here, "lost").set_up()
    mine = (await person.client.get("/api/v1/session")).json()["account"]["id"]
    admin = await here.client()
    assert (await person.client.delete(f"/api/v1/accounts/{mine}/factors")).status_code == 403
    assert (await admin.delete(f"/api/v1/accounts/{mine}/factors")).status_code == 204
    assert (await person.client.get("/api/v1/session")).status_code == 401
    assert (await here.client("lost", PASSWORD)).cookies


async def test_a_token_cannot_take_its_account_over(here: World) -> None:
    client = await here.client()
    made = (await client.post("/api/v1/tokens", json={"name": "leaked"})).json()
    program = here.anonymous()
    program.headers["Authorization"] = f"Bearer {made['token']}"
    attempts: dict[str, tuple[str, object]] = {
        "/api/v1/me/totp": ("POST", None),
        "/api/v1/me/totp/confirm": ("POST", {"code": "000000"}),
        "/api/v1/me/recovery": ("POST", {"password": here.password}),
        "/api/v1/me/passkeys/options": ("POST", None),
        "/api/v1/me/passkeys": ("POST", {"name": "mine", "credential": {}}),
        "/api/v1/me/passkeys/some": ("DELETE", None),
        "/api/v1/me/sessions": ("DELETE", None),
        "/api/v1/me/sessions/some": ("DELETE", None),
        "/api/v1/session/password": ("POST", {"old": here.password, "new": "taken over 1"}),
    }
    for url, (method, body) in attempts.items():
        assert (await program.request(method, url, json=body)).status_code == 403, url
    assert (await client.get("/api/v1/session")).status_code == 200


async def test_khue_login_asks_for_the_code_and_leaves_only_a_token(here: World, tmp_path: Path) -> None:
    person = await Person(here, "terminal").set_up()

    async def run(*more: str, typed: str = "") -> Result:
        arguments = [here.centre.url, "--user", "terminal", "--password", PASSWORD, *more]
        home = {"XDG_CONFIG_HOME": str(tmp_path)}
        return await asyncio.to_thread(CliRunner(env=home).invoke, login, arguments, input=typed)

    asked = await run(typed=f"{person.code()}\n")
    assert (asked.exit_code, "Code" in asked.output) == (0, True), asked.output
    kept = msgspec.json.decode((tmp_path / "khue" / "login.json").read_bytes())
    program = here.anonymous()
    program.headers["Authorization"] = f"Bearer {kept['token']}"
    assert (await program.get("/api/v1/session")).json()["account"]["username"] == "terminal"
    listed = (await person.client.get("/api/v1/me/sessions")).json()["items"]
    assert [item["method"] for item in listed] == ["password"]  # the one from before
    assert (await run("--code", person.recovery[0])).exit_code == 0
    assert (await run("--code", "000000")).exit_code != 0
    await person.forgiven()


async def test_nothing_secret_of_it_is_in_the_tables(here: World) -> None:
    person = await Person(here, "sealed").set_up()
    row = await here.engines.database.fetchrow(
        "select t.secret from totp t join account a on a.id = t.account where a.username = 'sealed'"
    )
    assert row is not None
    assert person.secret not in row["secret"]
    hashes = await here.engines.database.fetch("select code_hash from recovery_code")
    assert all(len(row["code_hash"]) == 32 for row in hashes)
