"""Every parser of another system's list, on spoilt and random bytes: a bounded time, the errors promised, nothing else."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from migrate_checks import CHECKS, SEEDS
from test_fuzz_camera import spoilt


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_parser(name: str) -> None:
    check = CHECKS[name]

    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(spoilt(SEEDS[name]))
    def run(data: bytes) -> None:
        check(data)

    run()
    for data in SEEDS[name]:
        check(data)


HOSTILE = {
    "migrate_frigate": [
        b"cameras: {a: {ffmpeg: {inputs: [" + b"{path: x}," * 20_000 + b"]}}}",
        b"&a " * 50_000,
        b"{" * 50_000,
    ],
    "migrate_zoneminder": [
        b"INSERT INTO `Monitors` (" + b"a," * 100_000,
        b"CREATE TABLE `Monitors` (\n" * 20_000,
        b"CREATE TABLE `Monitors` (\n `Id` int\n);\nINSERT INTO `Monitors` VALUES " + b"(1)," * 50_000,
        b"INSERT INTO `Monitors` VALUES ('" + b"\\" * 1_000_000,
    ],
    "migrate_isapi": [b"c<InputProxyChannelList>" + b"<InputProxyChannel>" * 50_000, b"c" + b"<!--" * 100_000],
    "migrate_dahua": [b"table.RemoteDevice[1].A=b\n" * 50_000, b"a=" * 500_000, b"=" * 500_000],
    "migrate_text": [b"rtsp://" + b"@" * 100_000, b"\xb0\xa1" * 100_000],
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_input_costs_a_bounded_time(name: str) -> None:
    for data in HOSTILE[name]:
        CHECKS[name](data)
