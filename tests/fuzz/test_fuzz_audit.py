"""Exports, checkpoints and keys spoilt in every way: AuditError, or the truth about them; nothing else, and soon."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from audit_checks import CHECKS, SEEDS
from hypothesis import HealthCheck, given, settings
from test_fuzz_camera import spoilt


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_what_an_outsider_is_given(name: str) -> None:
    check: Callable[[bytes], None] = CHECKS[name]

    @settings(max_examples=300, deadline=5000, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(spoilt(SEEDS[name]))
    def run(data: bytes) -> None:
        check(data)

    run()
    for data in SEEDS[name]:
        check(data)


@pytest.mark.parametrize("seed", range(2))
def test_no_byte_of_an_export_can_be_changed_unseen(seed: int) -> None:
    """Every place at a distance of a prime, so that each line is hit somewhere."""
    data = SEEDS["audit_log"][seed]
    for place in range(0, len(data), 37):
        CHECKS["audit_log"](data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        CHECKS["audit_log"](data[:place] + data[place + 1 :])


@pytest.mark.timeout(60)
def test_hostile_files_cost_a_bounded_time() -> None:
    header = SEEDS["audit_log"][0].splitlines(keepends=True)[0]
    for data in (
        b"[" * 5_000_000,
        header + b"{" * 5_000_000,
        header + b"{}\n" * 200_000,
        header + b'{"leaves":"' + b"A" * 900_000 + b'","first":0}\n',
        header.replace(b'"size":40', b'"size":4000000000000000000') + b"\n",
        header.replace(b'"before":[]', b'"before":[' + b'"00",' * 100_000 + b'""]'),
    ):
        CHECKS["audit_log"](data)
    for data in (b"\n" * 5_000_000, b"a\n" * 2_000_000, b"a\n1\n" + b"A" * 5_000_000 + b"\n\n"):
        CHECKS["audit_checkpoint"](data)
        CHECKS["audit_key"](data)
