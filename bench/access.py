"""Who may see what, at the size of the city: permission checks, lists and maps under row security, the questions asked of grants,
and how long after a revocation a live picture ends.

200 agencies, 5,000 people in posts, 20,000 grants (places, fleets, purposes, groups, single cameras, hours; handed on up to
four times) over the fleet of `bench.fleet_rows`. Checks are timed inside one process on one connection of the pool: what the gate
takes with its database, without and with the entry in the audit. Lists and maps are the statements of the inventory, read as
accounts that reach a ward, a handful of fleets, half the city, or all of it: warm, and cold, when something was granted just
before and what the account reaches has to be worked out anew. Beside each stands the same statement without row security.
Revocations end real WebSockets of a real centre; the time is from the moment the revocation is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import websockets

from bench.fleet_rows import load
from bench.measure import say
from bench.table import markdown
from khue.centre.access.gate import GrantGate, Stated
from khue.centre.access.rules import Account, Action, Right, Role
from khue.centre.access.scope import as_reader
from khue.centre.access.service import Access, Caller
from khue.centre.access.watch import AccessWatch
from khue.centre.audit.log import AccessLog
from khue.centre.config import CentreConfig
from khue.centre.grants.book import GrantBook
from khue.centre.ports import Database
from khue.centre.regulation.service import Regulations
from khue.centre.secrets import load_vault
from khue.cli.demo import Processes
from khue.store.engines import Engines, EngineSettings

CITY = 40_210
AGENCIES, PEOPLE, GRANTS = 200, 5_000, 20_000
TIMES, REVOKED = 400, 30
CHECK_MS, LIST_MS, WHO_MS, REVOKE_S = 5, 50, 50, 2
RIGHTS = (["see"], ["see", "live"], ["see", "live", "playback"], ["see", "live", "playback", "export", "ptz"])
KINDS = ("duty_officer", "shift_commander", "ward_police", "ward_clerk", "traffic_police", "investigator", "engineer")


class Reader(NamedTuple):
    """An account that asks, and how much it sees."""

    name: str
    account: Account
    cameras: int


def measure(cameras: int, folder: Path) -> dict[str, Any]:
    """``checks``, ``lists`` (by account), ``grants``, ``revocation``: p50 and p95 in milliseconds."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    data = folder / "centre"
    data.mkdir()
    data.chmod(0o755)  # as root, PostgreSQL runs as nobody
    results = asyncio.run(_inside(data, cameras))
    with _centre(folder, data) as (url, token):
        results["revocation"] = asyncio.run(_revocations(url, token))
    return results


async def _inside(data: Path, cameras: int) -> dict[str, Any]:
    engines = Engines(EngineSettings(data_dir=data))
    await engines.start()
    try:
        database = engines.database
        begun = time.monotonic()
        await Regulations(database).ensure()
        await load(database, load_vault(CentreConfig(data_dir=str(data)).keys), engines.node_keys, cameras)
        say(f"{cameras} cameras are in the tables after {time.monotonic() - begun:.0f} s")
        people = await organise(database)
        say(f"{GRANTS} grants of {len(people)} people after {time.monotonic() - begun:.0f} s")
        readers = await _readers(database, people)
        checks = await _checks(database, people)
        lists = {reader.name: await _lists(database, reader) for reader in readers}
        grants = await _questions(engines, readers[-1].account)
        return {
            "cameras": cameras,
            "sizes": {reader.name: reader.cameras for reader in readers},
            "checks": checks,
            "lists": lists,
            "grants": grants,
        }
    finally:
        await engines.stop()


# -- the organisation


async def organise(database: Database, seed: int = 11) -> list[str]:
    """Agencies, posts, people, groups and grants; returns the accounts. One administrator gives what starts a chain."""
    chance = random.Random(seed)
    await database.execute(_TREE, AGENCIES)
    agencies = [row["id"] for row in await database.fetch("select id from agency order by id")]
    people = [f"person-{number:04}" for number in range(PEOPLE)]
    await database.execute(_ADMINISTRATOR)
    await database.execute(_PEOPLE, people)
    posts = [f"post-{number:04}" for number in range(PEOPLE)]
    await database.execute(
        _POSTS, posts, [chance.choice(agencies) for _ in posts], [chance.choice(KINDS) for _ in posts]
    )
    await database.execute(_TENURES, people, posts)
    spare = chance.sample(range(PEOPLE), PEOPLE // 3)
    await database.execute(_TENURES, [people[one] for one in spare], [chance.choice(posts) for _ in spare])
    await database.execute(_GROUPS)
    tables = ("post", "tenure", "account", "agency", "camera_group_member", "access_grant")
    for table in tables:
        await database.execute(f"vacuum analyze {table}")
    await _grant(database, chance, posts, people, agencies)
    for table in tables:
        await database.execute(f"vacuum analyze {table}")
    return people


async def _grant(
    database: Database, chance: random.Random, posts: Sequence[str], people: Sequence[str], agencies: Sequence[str]
) -> None:
    units = [row["code"] for row in await database.fetch("select code from unit order by code")]
    cameras = [
        row["id"] for row in await database.fetch("select id from camera where purpose <> 'defence' order by id")
    ]
    root = await database.fetchval("select id from access_grant where post = 'of-bench-admin'")
    level: list[tuple[str, int]] = []  # grants of the last level, and whose post holds them
    made = 0
    for depth, share in enumerate((0.7, 0.2, 0.07, 0.03)):
        rows, following = [], []
        for number in range(round(GRANTS * share)):
            parent, holder = chance.choice(level) if level else (root, -1)
            target = _target(chance, units, agencies, cameras) if depth == 0 else ({"cameras": None})
            hours = chance.random() < 0.1
            post = chance.randrange(len(posts))
            agency = chance.choice(agencies) if depth == 0 and number % 200 == 0 else None
            grant = f"grant-{made:05}"
            made += 1
            rights = chance.choice(RIGHTS) if depth == 0 else ["see"]
            rows.append(
                (
                    *(grant, None if agency else posts[post], agency, rights),
                    *(target.get(name) for name in ("units", "fleets", "camera_purposes", "groups", "cameras")),
                    *(dt.time(22) if hours else None, dt.time(6) if hours else None),
                    *(5 - depth, parent, people[holder] if holder >= 0 else "bench-admin"),
                )
            )
            if agency is None:
                following.append((grant, post))
        for start in range(0, len(rows), 250):
            async with database.transaction() as session:
                await session.executemany(_GRANT, rows[start : start + 250])
        level = following


def _target(
    chance: random.Random, units: Sequence[str], agencies: Sequence[str], cameras: Sequence[str]
) -> dict[str, list[str] | None]:
    kind = chance.random()
    if kind < 0.5:
        return {"units": chance.sample(units, chance.choice((1, 1, 1, 2, 5)))}
    if kind < 0.75:
        return {"fleets": [chance.choice(agencies)]}
    if kind < 0.83:
        return {"units": [chance.choice(units)], "camera_purposes": ["traffic_safety", "violation"]}
    if kind < 0.9:
        return {"groups": [f"group-{chance.randrange(50):02}"]}
    return {"cameras": chance.sample(cameras, chance.choice((1, 5, 20)))}


async def _readers(database: Database, people: Sequence[str]) -> list[Reader]:
    """Somebody who sees little, somebody in the middle, whoever sees most, and one who sees all."""
    seen = []
    for person in random.Random(3).sample(people, 60):
        account = Account(person, person, person, Role.MEMBER)
        async with as_reader(database, account) as session:
            seen.append((await session.fetchval("select count(*) from camera where deleted is null"), account))
    seen = sorted((one for one in seen if one[0]), key=lambda one: one[0])
    admin = Account("bench-admin", "bench-admin", "bench-admin", Role.ADMINISTRATOR)
    async with as_reader(database, admin) as session:
        every = await session.fetchval("select count(*) from camera where deleted is null")
    chosen = (
        ("few", seen[len(seen) // 10]),
        ("usual", seen[len(seen) // 2]),
        ("many", seen[-1]),
        ("all", (every, admin)),
    )
    return [Reader(name, account, count) for name, (count, account) in chosen]


# -- checks


async def _checks(database: Database, people: Sequence[str]) -> dict[str, Any]:
    gate, log = GrantGate(database), AccessLog(database)
    access = Access(gate, log)
    chance = random.Random(5)
    cameras = [row["id"] for row in await database.fetch("select id from camera order by id")]
    pairs = [(chance.choice(people), chance.choice(cameras)) for _ in range(max(TIMES, 100))]
    callers = [Caller(Account(person, person, person, Role.MEMBER), "192.0.2.1", Stated("duty")) for person, _ in pairs]
    granted = await database.fetch(
        _WATCHED,
        TIMES,
    )
    allowed = [
        (Caller(Account(r["account"], "p", "p", Role.MEMBER), "192.0.2.1", Stated("duty")), r["id"]) for r in granted
    ]

    async def decide(number: int) -> None:
        await gate.decide(callers[number].account, Right.LIVE, pairs[number][1], "duty")

    async def unlogged(number: int) -> None:
        caller, camera = allowed[number % len(allowed)]
        await gate.authorize(caller.account, Action.LIVE, camera, caller.stated)

    async def logged(number: int) -> None:
        caller, camera = allowed[number % len(allowed)]
        await access.permit(caller, Action.LIVE, camera=camera, stream="main")

    async def floor(number: int) -> None:
        await database.fetchval("select 1 from camera where id = $1", pairs[number][1])

    return {
        "decide() alone": await _timed(decide, CHECK_MS),
        "the gate, when it allows": await _timed(unlogged, CHECK_MS),
        "permit(), with its entry in the audit": await _timed(logged, None),
        "floor: one row of the camera by its id": await _timed(floor, None),
    }


# -- lists


_LISTED = """
select id, name, unit, purpose, life from camera
where deleted is null and search like '%' || $1 || '%' order by search, number limit 100
"""
_FIRST = "select id, name, unit, purpose, life from camera where deleted is null and $1 <> '' order by search, number limit 100"
_MAPPED = """
select number, latitude, longitude, purpose from camera
where deleted is null and $1 <> '' and longitude between 105.8 and 105.9 and latitude between 20.98 and 21.06
"""
_COUNTED = "select count(*) from camera where deleted is null and $1 <> ''"
_WORDS = ("duong lang", "giai phong", "kim ma", "yen phu", "minh khai", "axis", "so 12")


async def _lists(database: Database, reader: Reader) -> dict[str, Any]:
    """Each statement warm, cold and without row security."""
    found = {}
    for name, sql in (
        ("search", _LISTED),
        ("first page", _FIRST),
        ("map, ten kilometres", _MAPPED),
        ("count", _COUNTED),
    ):

        async def warm(number: int, sql: str = sql) -> None:
            async with as_reader(database, reader.account) as session:
                await session.fetch(sql, _WORDS[number % len(_WORDS)])

        async def cold(number: int, sql: str = sql) -> None:
            async with as_reader(database, reader.account) as session:
                await session.fetch(sql, _WORDS[number % len(_WORDS)])

        async def change(_: int) -> None:
            await database.execute("update access_epoch set changes = changes + 1 where slot = 0")

        async def bare(number: int, sql: str = sql) -> None:
            async with database.transaction(readonly=True) as session:
                await session.fetch(sql, _WORDS[number % len(_WORDS)])

        found[name] = {
            "warm": await _timed(warm, LIST_MS, TIMES // 4),
            "cold": await _timed(cold, LIST_MS, 40, before=change),
            "without": await _timed(bare, None, TIMES // 4),
        }
        say(f"{reader.name}: {name}: {found[name]}")
    return found


async def _questions(engines: Engines, admin: Account) -> dict[str, Any]:
    database = engines.database
    log = AccessLog(database)
    sessions: Any = None
    book = GrantBook(database, AccessWatch(database, engines.bus, GrantGate(database), log, sessions))
    chance = random.Random(9)
    cameras = [
        row["id"] for row in await database.fetch("select id from camera where purpose <> 'defence' order by id")
    ]
    posts = [row["id"] for row in await database.fetch("select id from post where agency is not null order by id")]
    grants = [
        row["id"] for row in await database.fetch("select id from access_grant where id like 'grant-%' order by id")
    ]

    async def who(_: int) -> None:
        await book.questions.who(admin, chance.choice(cameras), None, None)

    async def who_live(_: int) -> None:
        await book.questions.who(admin, chance.choice(cameras), Right.LIVE, None)

    async def what(_: int) -> None:
        await book.questions.what(admin, chance.choice(posts), "")

    async def what_if(_: int) -> None:
        await book.effects.of_revoking(admin, chance.choice(grants))

    async def listed(_: int) -> None:
        await book.grants.find(admin, limit=100)

    return {
        "who may do anything with this camera": await _timed(who, WHO_MS, 100),
        "who may watch it live": await _timed(who_live, WHO_MS, 100),
        "what may this post do": await _timed(what, None, 40),
        "what if this grant were revoked": await _timed(what_if, None, 20),
        "the first hundred grants": await _timed(listed, None, 40),
    }


async def _timed(
    act: Callable[[int], Awaitable[None]],
    target: float | None,
    times: int = TIMES,
    before: Callable[[int], Awaitable[None]] | None = None,
) -> dict[str, Any]:
    for number in range(min(5, times)):
        await act(number)
    taken = []
    for number in range(times):
        if before is not None:
            await before(number)
        begun = time.perf_counter()
        await act(number)
        taken.append((time.perf_counter() - begun) * 1000)
    taken.sort()
    return {
        "p50_ms": round(taken[len(taken) // 2], 2),
        "p95_ms": round(taken[min(len(taken) - 1, int(len(taken) * 0.95))], 2),
        "times": times,
        "target_ms": target,
    }


# -- revocation


@contextlib.contextmanager
def _centre(folder: Path, data: Path) -> Iterator[tuple[str, str]]:
    """(url, token of the administrator): a running centre that nobody else uses."""
    (folder / "logs").mkdir()
    processes = Processes(folder / "logs")
    try:
        arguments = ("--data", str(data), "--port", "0", "--json", "--own-token", "--die-with-parent")
        processes.start("centre", "khue.run", "centre", *arguments)
        told = processes.first_line("centre")
        yield told["url"], told["token"]
    finally:
        processes.stop()


async def _revocations(url: str, token: str) -> dict[str, Any]:
    """Seconds from the answer to a revocation until the socket it allowed is closed."""
    taken = []
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers, timeout=60) as admin:
        me = (await admin.get("/me")).json()["account"]["id"]
        cameras = (await admin.get("/inventory/cameras", params={"limit": 100, "purpose": "security"})).json()["items"]
        words = {"username": "watcher", "password": "for measuring only, once", "role": "member"}
        account = (await admin.post("/accounts", json=words)).json()["id"]
        agency = (await admin.get("/organisation/agencies")).json()["items"][0]["id"]
        wish = {"agency": agency, "kind": "duty_officer", "title": "Bench"}
        post = (await admin.post("/organisation/posts", json=wish)).json()["id"]
        await admin.post(f"/organisation/posts/{post}/tenures", json={"account": account, "basis": "bench"})
        async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers={"X-Khue": "1"}, timeout=60) as person:
            await person.post("/session", json={name: words[name] for name in ("username", "password")})
            cookie = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
        for number in range(REVOKED):
            camera = cameras[number % len(cameras)]["id"]
            body = {"post": post, "rights": ["live"], "target": {"cameras": [camera]}, "basis": "bench"}
            grant = (await admin.post("/grants", json=body)).json()["id"]
            taken.append(await _cut(admin, url, cookie, camera, grant))
    assert me
    taken.sort()
    result = {
        "times": REVOKED,
        "p50_s": round(taken[len(taken) // 2], 2),
        "p95_s": round(taken[int(len(taken) * 0.95)], 2),
        "max_s": round(taken[-1], 2),
        "target_s": REVOKE_S,
    }
    say(f"revocation: {json.dumps(result)}")
    return result


async def _cut(admin: httpx.AsyncClient, url: str, cookie: str, camera: str, grant: str) -> float:
    address = f"{url.replace('http', 'ws', 1)}/api/v1/cameras/{camera}/live"
    async with websockets.connect(address, additional_headers={"Cookie": cookie}) as socket:
        with contextlib.suppress(TimeoutError):
            while True:  # open, and past its first look
                await asyncio.wait_for(socket.recv(), 0.7)
        answer = await admin.post(f"/grants/{grant}/revoke", json={"reason": "bench"})
        answer.raise_for_status()
        begun = time.perf_counter()
        with contextlib.suppress(websockets.ConnectionClosed):
            async with asyncio.timeout(30):
                while True:
                    await socket.recv()
        return time.perf_counter() - begun


# -- the page


def page(results: dict[str, Any], facts: str) -> str:
    """``bench/access.md``."""
    cut = results["revocation"]

    def lines(part: dict[str, Any]) -> list[tuple[str, ...]]:
        return [
            (name, str(one["p50_ms"]), str(one["p95_ms"]), str(one["target_ms"] or "-"), str(one["times"]))
            for name, one in part.items()
        ]

    rows = []
    for who, kinds in results["lists"].items():
        for name, one in kinds.items():
            cells = [str(one[how][value]) for how in ("warm", "cold", "without") for value in ("p50_ms", "p95_ms")]
            rows.append((f"{who} ({results['sizes'][who]:,})", name, *cells, str(LIST_MS)))
    columns = ("asked", "p50 ms", "p95 ms", "target p95", "times")
    return "\n".join(
        (
            "# Who may see what\n",
            facts,
            f"Made by `python -m bench access`: {AGENCIES} agencies, {PEOPLE:,} people, {GRANTS:,} grants,"
            f" {results['cameras']:,} cameras. What each figure means stands in `bench/access.py`.\n",
            "## Permission checks\n",
            markdown(columns, lines(results["checks"])),
            "## Lists and maps under row security\n",
            markdown(
                (
                    "account (cameras)",
                    "asked",
                    "warm p50",
                    "p95",
                    "cold p50",
                    "p95",
                    "without p50",
                    "p95",
                    "target p95",
                ),
                rows,
            ),
            "## Questions asked of grants\n",
            markdown(columns, lines(results["grants"])),
            "## Revocation\n",
            f"From its answer until the WebSocket is closed, {cut['times']} times: p50 {cut['p50_s']} s, p95 {cut['p95_s']} s,"
            f" at most {cut['max_s']} s; the target is {cut['target_s']} s.\n",
        )
    )


_WATCHED = """
select distinct on (t.account) t.account, c.id
from tenure t join post p on p.id = t.post join access_grant g on g.post = p.id join camera c on c.unit = any (g.units)
where p.kind in ('duty_officer', 'shift_commander', 'ward_police') and 'live' = any (g.rights) and g.hours_from is null
  and c.purpose in ('security', 'traffic_safety', 'violation')
  and (g.camera_purposes is null or c.purpose = any (g.camera_purposes)) order by t.account limit $1
"""
_TREE = """
insert into agency (id, name, kind, parent, search)
select 'agency-' || n, 'Cơ quan ' || n, 'other',
       case when n >= 80 then 'agency-' || 40 + n % 40 when n > 40 then 'agency-40' end, 'co quan ' || n
from generate_series(40, $1::integer - 1) n
"""
_ADMINISTRATOR = """
insert into account (id, username, display_name, role, password_hash, defence)
values ('bench-admin', 'bench-admin', 'Bench', 'administrator', '-', true)
"""
_PEOPLE = """
insert into account (id, username, display_name, role, password_hash)
select id, id, id, 'member', '-' from unnest($1::text[]) u (id)
"""
_POSTS = """
insert into post (id, agency, kind, title)
select id, agency, kind, id from unnest($1::text[], $2::text[], $3::text[]) u (id, agency, kind)
"""
_TENURES = """
insert into tenure (account, post, basis, given_by)
select account, post, 'bench', 'bench' from unnest($1::text[], $2::text[]) u (account, post)
"""
_GROUPS = """
with made as (
    insert into camera_group (id, name, created_by)
    select 'group-' || lpad(n::text, 2, '0'), 'Group ' || n, 'bench' from generate_series(0, 49) n returning id
)
insert into camera_group_member (camera_group, camera)
select 'group-' || lpad((number % 50)::text, 2, '0'), id from camera where number % 10 < 3 and (select count(*) from made) > 0
"""
_GRANT = """
insert into access_grant (id, post, agency, rights, units, fleets, camera_purposes, groups, cameras, hours_from, hours_to, passes,
                          origin, parent, lineage, given_by, basis)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'given', $13, '{}', $14, 'bench')
"""
