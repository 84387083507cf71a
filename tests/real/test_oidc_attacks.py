"""A provider that lies, tokens that are forged, answers that are replayed: nobody gets in, and each attempt is in the log."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from centre_world import World
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from oidc_world import oidc_world, told

from khue.centre.config import CentreConfig, OidcConfig, check, parse
from khue.centre.identity.oidc import safe_return
from khue.model.errors import ConfigError

pytestmark = pytest.mark.asyncio(loop_scope="module")
Claims = dict[str, Any]
OWN = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})  # the same name, another key
UNPUBLISHED = RSAKey.generate_key(2048, {"kid": "2", "use": "sig"})
CURVE = ECKey.generate_key("P-256", {"kid": "1"})


def _plain(header: Claims, claims: Claims) -> str:
    """A token with a signature that is none."""
    parts = (base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in (header, claims))
    return f"{'.'.join(parts)}."


class Liar:
    """Speaks enough of the protocol to be believed, and says whatever ``token`` makes of the right claims."""

    def __init__(self) -> None:
        self.token: Callable[[Claims], str] = lambda claims: jwt.encode({"alg": "RS256", "kid": "1"}, claims, OWN)
        self.metadata: Claims = {}
        self.nonce = ""
        self.challenge = ""
        self.status = 200
        self.person: Claims = {"sub": "7", "email": "victim@city.example", "email_verified": True}
        self.forms: list[dict[str, list[str]]] = []
        self._server: asyncio.Server | None = None
        self.issuer = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.issuer = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        length = next((int(line[16:]) for line in head.lower().split("\r\n") if line.startswith("content-length: ")), 0)
        form = parse_qs((await reader.readexactly(length)).decode())
        status, answer = self._answer(path, form)
        body = json.dumps(answer).encode()
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    def _answer(self, path: str, form: dict[str, list[str]]) -> tuple[int, Claims]:
        if path == "/.well-known/openid-configuration":
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
            found = {name: f"{self.issuer}/{name}" for name in names}
            algorithms = ["RS256", "HS256", "none", "ES256"]
            return 200, {
                "issuer": self.issuer,
                "id_token_signing_alg_values_supported": algorithms,
                **found,
                **self.metadata,
            }
        if path == "/jwks_uri":
            return 200, dict(KeySet([OWN]).as_dict(private=False))
        if path == "/userinfo_endpoint":
            return 200, self.person
        self.forms.append(form)
        return self.status, {"access_token": "access", "token_type": "Bearer", "id_token": self.token(self.right())}

    def right(self) -> Claims:
        now = int(time.time())
        return {"iss": self.issuer, "aud": "khue", "sub": "7", "nonce": self.nonce, "iat": now, "exp": now + 300}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def liar() -> AsyncIterator[Liar]:
    made = Liar()
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def honest() -> AsyncIterator[Liar]:
    made = Liar()
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(liar: Liar, honest: Liar) -> AsyncIterator[World]:
    configs = (
        OidcConfig(id="liar", name="Liar", issuer=liar.issuer, client_id="khue", create=True),
        OidcConfig(id="honest", name="Honest", issuer=honest.issuer, client_id="khue", create=True),
    )
    async with oidc_world(*configs) as made:
        yield made


async def _begin(
    here: World, liar: Liar, provider: str = "liar", **query: str
) -> tuple[httpx.AsyncClient, dict[str, str]]:
    """(browser, what its way back carries)."""
    browser = here.anonymous()
    start = await browser.get(f"/api/v1/session/oidc/{provider}/start", params=query)
    asked = parse_qs(urlsplit(start.headers["location"]).query)
    liar.nonce, liar.challenge = asked["nonce"][0], asked["code_challenge"][0]
    return browser, {"state": asked["state"][0], "code": "c"}


async def _end(browser: httpx.AsyncClient, query: dict[str, str], provider: str = "liar") -> httpx.Response:
    return await browser.get(f"/api/v1/session/oidc/{provider}/callback", params=query)


async def _refused(here: World) -> int:
    return int(
        await here.engines.database.fetchval(
            "select count(*) from audit_entry where outcome = 'refused' and username like 'oidc %'"
        )
    )


async def test_the_truth_lets_somebody_in(here: World, liar: Liar) -> None:
    """What the lies below are measured against."""
    browser, back = await _begin(here, liar)
    answer = await _end(browser, back)
    assert (told(answer), answer.headers["location"]) == ("", "/")
    assert (await browser.get("/api/v1/session")).json()["account"]["username"] == "victim@city.example"
    verifier = liar.forms[-1]["code_verifier"][0]
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert challenge == liar.challenge
    assert len(verifier) >= 43
    # a clock that is a minute off is no lie
    for skew in (-55, 55):
        with _token(
            liar,
            lambda claims, skew=skew: _signed({**claims, "iat": claims["iat"] + skew, "exp": int(time.time()) + skew}),
        ):
            browser, back = await _begin(here, liar)
            assert told(await _end(browser, back)) == "", skew


def _signed(claims: Claims) -> str:
    return jwt.encode({"alg": "RS256", "kid": "1"}, claims, OWN)


def _half_hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


LIES: dict[str, Callable[[Claims], str]] = {
    "another key of the same name": lambda c: jwt.encode({"alg": "RS256", "kid": "1"}, c, OTHER),
    "a key that is not published": lambda c: jwt.encode({"alg": "RS256", "kid": "2"}, c, UNPUBLISHED),
    "a key that comes along": lambda c: jwt.encode(
        {"alg": "RS256", "kid": "1", "jwk": OTHER.as_dict(private=False)}, c, OTHER
    ),
    "no signature": lambda c: _plain({"alg": "none"}, c),
    "no signature, by another spelling": lambda c: _plain({"alg": "nOnE", "kid": "1"}, c),
    "a shared secret that is our client's": lambda c: jwt.encode(
        {"alg": "HS256", "kid": "1"},
        c,
        OctKey.import_key("a secret of the centre & the provider: 100 %"),
        algorithms=["HS256"],
    ),
    "the public key as a shared secret": lambda c: _hmac_with_public_key(c),
    "another algorithm than the key's": lambda c: jwt.encode({"alg": "ES256", "kid": "1"}, c, CURVE),
    "a signature that was cut off": lambda c: _signed(c)[:-10],
    "claims that were changed": lambda c: _changed(_signed(c)),
    "no token at all": lambda c: "",
    "not a token": lambda c: "a.b.c",
    "another issuer": lambda c: _signed({**c, "iss": "https://elsewhere.example"}),
    "an issuer with a slash more": lambda c: _signed({**c, "iss": c["iss"] + "/"}),
    "no issuer": lambda c: _signed({k: v for k, v in c.items() if k != "iss"}),
    "for somebody else": lambda c: _signed({**c, "aud": "another client"}),
    "for somebody else, by us": lambda c: _signed({**c, "aud": "another client", "azp": "khue"}),
    "for us and somebody else, by nobody": lambda c: _signed({**c, "aud": ["khue", "another client"]}),
    "for us and somebody else, by them": lambda c: _signed({**c, "aud": ["khue", "x"], "azp": "x"}),
    "for nobody": lambda c: _signed({k: v for k, v in c.items() if k != "aud"}),
    "of another sign-in": lambda c: _signed({**c, "nonce": "another"}),
    "of no sign-in": lambda c: _signed({k: v for k, v in c.items() if k != "nonce"}),
    "ended": lambda c: _signed({**c, "exp": int(time.time()) - 61}),
    "without end": lambda c: _signed({k: v for k, v in c.items() if k != "exp"}),
    "of tomorrow": lambda c: _signed({**c, "iat": c["iat"] + 120}),
    "of yesterday": lambda c: _signed({**c, "iat": c["iat"] - 86_400}),
    "of no time": lambda c: _signed({k: v for k, v in c.items() if k != "iat"}),
    "not yet": lambda c: _signed({**c, "nbf": int(time.time()) + 120}),
    "of nobody": lambda c: _signed({k: v for k, v in c.items() if k != "sub"}),
    "of an empty name": lambda c: _signed({**c, "sub": ""}),
    "of a number": lambda c: _signed({**c, "sub": 7}),
    "for another access token": lambda c: _signed({**c, "at_hash": _half_hash("another")}),
}


def _hmac_with_public_key(claims: Claims) -> str:
    def part(value: Claims) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    text = f"{part({'alg': 'HS256', 'kid': '1'})}.{part(claims)}"
    mac = hmac.new(OWN.as_pem(private=False), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _changed(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "admin"}).encode()).rstrip(b"=").decode()
    return f"{head}.{forged}.{signature}"


class _token:
    """The liar says this for a while."""

    def __init__(self, liar: Liar, token: Callable[..., str]) -> None:
        self._liar, self._token = liar, token

    def __enter__(self) -> None:
        self._before, self._liar.token = self._liar.token, self._token

    def __exit__(self, *_: object) -> None:
        self._liar.token = self._before


@pytest.mark.parametrize("lie", LIES)
async def test_a_token_that_lies_lets_nobody_in(here: World, liar: Liar, lie: str) -> None:
    before = await _refused(here)
    with _token(liar, LIES[lie]):
        browser, back = await _begin(here, liar)
        answer = await _end(browser, back)
    assert told(answer) == "token", lie
    assert not any(one.startswith("khue_session=") for one in answer.headers.get_list("set-cookie"))
    assert (await browser.get("/api/v1/session")).status_code == 401
    assert await _refused(here) == before + 1


async def test_the_right_hash_of_the_access_token_is_right(here: World, liar: Liar) -> None:
    with _token(liar, lambda claims: _signed({**claims, "at_hash": _half_hash("access")})):
        browser, back = await _begin(here, liar)
        assert told(await _end(browser, back)) == ""


async def test_who_is_told_of_beside_the_token_is_the_same_person(here: World, liar: Liar) -> None:
    right = liar.person
    liar.person = {**right, "sub": "8"}
    browser, back = await _begin(here, liar)
    assert told(await _end(browser, back)) == "token"
    liar.person = right


async def test_an_answer_counts_once_and_soon(here: World, liar: Liar) -> None:
    browser, back = await _begin(here, liar)
    cookies = dict(browser.cookies)
    assert told(await _end(browser, back)) == ""
    browser.cookies.update(cookies)  # as if the browser had kept it
    assert told(await _end(browser, back)) == "ended"
    assert told(await _end(browser, {**back, "state": "made up"})) == "ended"
    assert told(await _end(browser, {"code": "c"})) == "ended"

    browser, back = await _begin(here, liar)
    await here.engines.database.execute("update oidc_attempt set expires = now() - interval '1 second'")
    assert told(await _end(browser, back)) == "ended"

    browser, back = await _begin(here, liar)
    answers = await asyncio.gather(*(_end(browser, back) for _ in range(5)))
    assert sorted(told(answer) for answer in answers) == ["", *["ended"] * 4]


async def test_an_answer_belongs_to_the_browser_that_asked(here: World, liar: Liar) -> None:
    browser, back = await _begin(here, liar)
    stranger, _ = await _begin(here, liar)
    assert told(await _end(stranger, back)) == "browser"
    browser, back = await _begin(here, liar)
    assert told(await _end(here.anonymous(), back)) == "browser"
    assert told(await _end(browser, back)) == "ended"


async def test_one_provider_s_answer_is_not_another_s(here: World, liar: Liar, honest: Liar) -> None:
    """Mix-up: the browser is sent from the honest provider's page to the liar's address, and the other way round."""
    browser, back = await _begin(here, honest, "honest")
    liar.nonce = honest.nonce
    codes = len(liar.forms)
    assert told(await _end(browser, back, "liar")) == "token"
    assert len(liar.forms) == codes, "the honest provider's code was not shown to the liar"
    browser, back = await _begin(here, honest, "honest")
    assert told(await _end(browser, {**back, "iss": liar.issuer}, "honest")) == "token"
    browser, back = await _begin(here, honest, "honest")
    assert told(await _end(browser, {**back, "iss": honest.issuer}, "honest")) == ""


async def test_a_provider_that_always_names_itself_has_to(liar: Liar) -> None:
    liar.metadata = {"authorization_response_iss_parameter_supported": True}
    config = OidcConfig(id="liar", name="Liar", issuer=liar.issuer, client_id="khue", create=True)
    async with oidc_world(config) as here:
        browser, back = await _begin(here, liar)
        assert told(await _end(browser, back)) == "token"
        browser, back = await _begin(here, liar)
        assert told(await _end(browser, {**back, "iss": liar.issuer})) == ""

        # what it says of itself is asked anew by another centre
        other = await here.another_centre()
        for lie in (
            {"issuer": "https://elsewhere.example"},
            {"token_endpoint": "ftp://127.0.0.1/x"},
            {"code_challenge_methods_supported": ["plain"]},
            {"jwks_uri": None},
        ):
            liar.metadata = lie
            await other.start()
            answer = await here.anonymous(other.url).get("/api/v1/session/oidc/liar/start")
            assert told(answer) == "provider", lie
            await other.stop()
            other = await here.another_centre()
        liar.metadata = {}


async def test_nobody_is_sent_elsewhere_afterwards(here: World, liar: Liar) -> None:
    for wanted in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "#//evil",
        "/#/ok",
        "javascript:alert(1)",
    ):
        browser, back = await _begin(here, liar, return_to=wanted)
        where = (await _end(browser, back)).headers["location"]
        assert where in ("/", "/#/ok"), wanted
    for wanted in ("/api/v1/session", "/x#/", "#/a\r\nSet-Cookie: x=1", "#/" + "a" * 600, "", "#", "#/é", "\\#/"):
        assert safe_return(wanted) == "/"
    assert safe_return("#/wall?t=1,2&stated=a b") == "/#/wall?t=1,2&stated=a%20b"


async def test_attempts_from_one_address_do_not_fill_the_table(
    here: World, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    await here.engines.database.execute("delete from oidc_attempt")
    monkeypatch.setattr("khue.centre.identity.oidc._UNDER_WAY", 3)
    browser = here.anonymous()
    statuses = [(await browser.get("/api/v1/session/oidc/liar/start")).status_code for _ in range(5)]
    assert statuses == [302] * 3 + [429] * 2
    await here.engines.database.execute("delete from oidc_attempt")


async def test_the_database_holds_no_state_and_no_cookie(here: World, liar: Liar) -> None:
    browser, back = await _begin(here, liar)
    row = await here.engines.database.fetchrow("select oidc_attempt::text as text from oidc_attempt")
    assert row is not None
    assert back["state"] not in row["text"]
    assert browser.cookies["khue_oidc"] not in row["text"]


async def test_a_provider_in_the_clear_is_not_taken() -> None:
    good = {"id": "p", "name": "P", "issuer": "https://p.example", "client_id": "c"}
    assert parse({"oidc": [good]}).oidc[0].claim == "email"
    for bad in (
        {"issuer": "http://p.example"},
        {"id": "P/x"},
        {"id": ""},
        {"client_id": ""},
        {"name": ""},
        {"unknown": 1},
    ):
        with pytest.raises(ConfigError):
            parse({"oidc": [{**good, **bad}]})
    with pytest.raises(ConfigError, match="id of its own"):
        parse({"oidc": [good, good]})
    check(CentreConfig())
