"""A fleet of any size as rows: believable enough to be searched, drawn and counted, made in seconds."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from khue.centre.fleet.rules import fold
from khue.centre.ports import Database, NodeKeys, Row, Statements
from khue.centre.secrets import Vault
from khue.model.registry import INSTALLED, Life

PER_NODE = 402  # cameras of one node: 100 nodes carry 40,210
_STREETS = (
    *(
        "Hàng Bài",
        "Đường Láng",
        "Giải Phóng",
        "Trần Duy Hưng",
        "Nguyễn Trãi",
        "Lê Văn Lương",
        "Tố Hữu",
        "Kim Mã",
        "Cầu Giấy",
    ),
    *(
        "Xuân Thủy",
        "Phạm Văn Đồng",
        "Võ Chí Công",
        "Hoàng Quốc Việt",
        "Đê La Thành",
        "Xã Đàn",
        "Ô Chợ Dừa",
        "Minh Khai",
    ),
    *(
        "Trường Chinh",
        "Khuất Duy Tiến",
        "Hồ Tùng Mậu",
        "Quốc lộ 32",
        "Đại lộ Thăng Long",
        "Âu Cơ",
        "Yên Phụ",
        "Bà Triệu",
    ),
)
_TYPES = (
    *(
        ("Hikvision", "hikvision", "DS-2CD2T47G2"),
        ("Dahua", "dahua", "IPC-HFW5442E"),
        ("Uniview", "uniview", "IPC2324"),
    ),
    *(("Axis", "axis", "P1455-LE"), ("Hanwha", "hanwha", "XNO-8080R"), ("KBVision", "dahua", "KX-C4012")),
)
_PURPOSES = {
    "security": 21_000,
    "violation": 2_736,
    "defence": 227,
    "traffic_safety": 9_000,
    "traffic_infrastructure": 3_000,
    "environment": 1_247,
    "urban_order": 3_000,
    "vov_traffic": 100,
}
_LIVES = {
    "proposed": 15_000,
    "approved": 4_605,
    "operating": 15_000,
    "faulty": 3_000,
    "under_repair": 1_000,
    "suspended": 1_405,
    "removed": 200,
}
_STATES = {"recording": 50, "stalled": 5, "refused": 10, "unreachable": 30, "connecting": 5}
_BATCH = 5_000


class Loaded(NamedTuple):
    """What there is now: nodes with the seeds they connect with, and their cameras."""

    seeds: dict[str, str]
    cameras: dict[str, list[str]]


async def load(database: Database, vault: Vault, keys: NodeKeys, count: int, seed: int = 7) -> Loaded:
    """Agencies, nodes, cameras with their history, streams, places, states and sightings."""
    chance = random.Random(seed)
    units = await database.fetch("select code, name, latitude, longitude from unit order by code")
    made = {f"bench-{number:03}": keys.new_key() for number in range(-(-count // PER_NODE))}
    cameras = list(_cameras(chance, units, count, list(made)))
    async with database.transaction() as session:
        await session.execute("select set_config('khue.actor', 'bench', true)")
        await session.execute(_AGENCIES)
        await session.execute(_NODES, list(made), [public for _, public in made.values()])
        for start in range(0, count, _BATCH):
            await _put(session, vault, cameras[start : start + _BATCH])
    for table in ("camera", "camera_version", "camera_stream", "placement", "stream_status", "sighting"):
        await database.execute(f"vacuum analyze {table}")
    by_node: dict[str, list[str]] = {node: [] for node in made}
    for camera in cameras:
        by_node[camera["node"]].append(camera["id"])
    return Loaded({node: secret for node, (secret, _) in made.items()}, by_node)


def _cameras(chance: random.Random, units: Sequence[Row], count: int, nodes: Sequence[str]) -> Iterator[dict[str, Any]]:
    purposes = chance.choices(list(_PURPOSES), list(_PURPOSES.values()), k=count)
    lives = chance.choices(list(_LIVES), list(_LIVES.values()), k=count)
    states = chance.choices(list(_STATES), list(_STATES.values()), k=count)
    for number in range(count):
        unit = units[number * len(units) // count]  # as an import brings them: agency by agency
        vendor, family, model = chance.choice(_TYPES)
        street, serial = chance.choice(_STREETS), f"{chance.getrandbits(40):010X}"
        name = f"{street} {chance.randrange(1, 500)}"
        camera, code, address = f"{chance.getrandbits(64):016x}", f"HN-{number:05}", f"Số {number % 300} {street}"
        owner = f"agency-{number % 40:02}"
        yield {
            "id": camera,
            "name": name,
            "code": code,
            "address": address,
            "vendor": vendor,
            "family": family,
            "model": model,
            "serial": serial,
            "mac": f"02:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}:01",
            "unit": unit["code"],
            "owner": owner,
            "manager": f"agency-{number % 7:02}",
            "purpose": purposes[number],
            "search": fold(f"{name} {code} {address} {vendor} {model} {serial} {owner} {unit['name']} {camera}"),
            "latitude": round(unit["latitude"] + chance.gauss(0, 0.012), 6),
            "longitude": round(unit["longitude"] + chance.gauss(0, 0.012), 6),
            "kind": "ptz" if chance.random() < 0.3 else "fixed",
            "link": chance.choice(("leased", "leased", "borrowed", "private_fibre")),
            "life": lives[number],
            "declared_working": chance.choice((True, True, False, None)),
            "installed_on": dt.date(2018, 1, 1) + dt.timedelta(days=chance.randrange(2500)),
            "disclosure": "counted" if purposes[number] == "defence" else "area",
            "node": nodes[number // PER_NODE],
            "state": states[number] if Life(lives[number]) in INSTALLED else "unreachable",
        }


async def _put(session: Statements, vault: Vault, cameras: Sequence[dict[str, Any]]) -> None:
    columns = _CAMERAS.split("(", 1)[1].split(")", 1)[0].replace(",", " ").split()
    await session.execute(_CAMERAS, *([camera[column] for camera in cameras] for column in columns))
    rows = [
        (camera["id"], stream, vault.seal(f"rtsp://192.0.2.9/{stream}", f"camera/{camera['id']}/{stream}/url"))
        for camera in cameras
        for stream in ("main", "sub")
    ]
    await session.execute(_STREAMS, *map(list, zip(*rows, strict=True)))
    told = [[camera[column] for camera in cameras] for column in ("id", "node", "state")]
    await session.execute(_PLACES, *told[:2])
    for statement in (_STATUSES, _TRANSITIONS, _SIGHTINGS):
        await session.execute(statement, *told)


_AGENCIES = """
insert into agency (id, name, kind, search)
select 'agency-' || lpad(n::text, 2, '0'), 'Cơ quan ' || n, 'other', 'co quan ' || n from generate_series(0, 39) n
"""
_NODES = """
insert into node (id, bus_key, lease_until, alive, capacity)
select id, key, now() + interval '1 day', true, 500 from unnest($1::text[], $2::text[]) as u (id, key)
"""
_CAMERAS = """
insert into camera (id, name, code, address, vendor, family, model, serial, mac, unit, owner, manager, purpose, search,
                    latitude, longitude, kind, link, life, declared_working, installed_on, disclosure)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::macaddr[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
                     $15::float8[], $16::float8[], $17::text[], $18::text[], $19::text[], $20::boolean[], $21::date[], $22::text[])
"""
_STREAMS = """
insert into camera_stream (camera, name, url, shown_url, transport)
select camera, name, url, 'rtsp://192.0.2.9/' || name, 'auto'
from unnest($1::text[], $2::text[], $3::bytea[]) as u (camera, name, url)
"""
_PLACES = """
insert into placement (camera, node, reason)
select camera, node, 'first placement' from unnest($1::text[], $2::text[]) as u (camera, node)
"""
_STATUSES = """
insert into stream_status (camera, stream, node, state, since)
select u.camera, stream, u.node, u.state, now() - interval '1 day'
from unnest($1::text[], $2::text[], $3::text[]) as u (camera, node, state) cross join (values ('main'), ('sub')) as s (stream)
"""
_TRANSITIONS = """
insert into transition (camera, stream, since, node, state, detail)
select camera, 'main', now() - interval '1 day', node, state, ''
from unnest($1::text[], $2::text[], $3::text[]) as u (camera, node, state)
"""
_SIGHTINGS = """
update sighting s set state = u.state, since = now() - interval '1 day'
from unnest($1::text[], $2::text[], $3::text[]) as u (camera, node, state) where s.camera = u.camera
"""
