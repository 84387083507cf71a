"""Sequence accounting and RTCP. The RTP header has its tests in test_model_rtp.py."""

from __future__ import annotations

import struct

import pytest

from khue.camera.rtp import (
    Bye,
    ReceptionReport,
    SenderReport,
    SequenceCounter,
    build_receiver_report,
    parse_rtcp,
)


def pushed(*sequences: int) -> tuple[SequenceCounter, list[int]]:
    counter = SequenceCounter()
    return counter, [counter.push(sequence) for sequence in sequences]


def test_order_wrap_and_loss() -> None:
    counter, gaps = pushed(65534, 65535, 0, 1, 5)
    assert gaps == [0, 0, 0, 0, 3]
    assert (counter.received, counter.lost, counter.extended_highest) == (5, 3, 0x10005)


def test_a_late_packet_is_no_longer_lost_and_a_double_counts_once() -> None:
    counter, gaps = pushed(10, 13, 11, 11, 13, 12)
    assert gaps == [0, 2, -1, -1, -1, -1]
    assert (counter.lost, counter.reordered, counter.duplicates, counter.received) == (0, 2, 2, 4)


def test_a_jump_is_a_new_start_once_the_next_packet_confirms_it() -> None:
    counter, gaps = pushed(100, 40000, 101, 40000, 40001, 40002)
    assert gaps == [0, -1, 0, -1, 0, 0]
    assert (counter.restarts, counter.lost, counter.received) == (1, 0, 4)


def sender_report(seconds: int, fraction: int = 0, rtp: int = 1000) -> bytes:
    return struct.pack("!BBHIIIIII", 0x80, 200, 6, 7, seconds, fraction, rtp, 1, 1)


def test_sender_reports_tell_the_wall_clock() -> None:
    unix = 1_763_800_000
    compound = sender_report(unix + 2_208_988_800, 1 << 31) + struct.pack("!BBHII", 0x81, 203, 2, 7, 0)
    report, bye = parse_rtcp(compound, 0, len(compound))
    assert isinstance(report, SenderReport) and bye == Bye(7)
    assert report.ntp_us == unix * 1_000_000 + 500_000 and report.rtp_timestamp == 1000
    assert report.ntp_middle == ((unix + 2_208_988_800) & 0xFFFF) << 16 | 0x8000
    assert report.wall_clock(1000 + 90000, 90000) == report.ntp_us + 1_000_000
    assert report.wall_clock((1000 - 45000) & 0xFFFFFFFF, 90000) == report.ntp_us - 500_000


def test_the_ntp_clock_wraps_in_2036() -> None:
    (report,) = parse_rtcp(sender_report(100), 0, 28)
    assert isinstance(report, SenderReport) and report.ntp_us == ((1 << 32) + 100 - 2_208_988_800) * 1_000_000


@pytest.mark.parametrize(
    "data", [b"", b"\x80\xc8\0\6", sender_report(1)[:20], b"\0" * 28, b"\x80\xc8\xff\xff" + bytes(24)]
)
def test_cut_or_foreign_reports_give_nothing(data: bytes) -> None:
    assert list(parse_rtcp(data, 0, len(data))) == []


def test_receiver_reports_are_well_formed_compounds() -> None:
    data = build_receiver_report(
        5, (ReceptionReport(7, 0x10005, 3, fraction_lost=10, last_sr=1, delay_since_last_sr=2),)
    )
    assert len(data) % 4 == 0 and list(parse_rtcp(data, 0, len(data))) == []
    assert struct.unpack_from("!BBHIIIIIII", data) == (0x81, 201, 7, 5, 7, 10 << 24 | 3, 0x10005, 0, 1, 2)
    assert data[32:36] == struct.pack("!BBH", 0x81, 202, (len(data) - 36) // 4)
    assert b"\1\4khue\0" in data
