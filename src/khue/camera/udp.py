"""Pairs of UDP sockets for RTP and RTCP (RFC 3550 §11)."""

from __future__ import annotations

import socket
from typing import NamedTuple

from khue.camera.rtp import build_receiver_report
from khue.camera.transport import TransportReply
from khue.model.coverage import GapCause
from khue.model.errors import CameraUnreachable

_ATTEMPTS = 50
_RECEIVE_BUFFER = 1 << 20  # a keyframe arrives in one burst
_EMPTY_RTP = b"\x80\x00" + bytes(10)


class UdpPair(NamedTuple):
    """Non-blocking sockets of one track; connected to the camera once it said which ports it sends from."""

    channel: int
    rtp: socket.socket
    rtcp: socket.socket

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


def bind_pair(control: socket.socket, channel: int) -> UdpPair:
    """An even port and the next, on the local address that the camera sees; CameraUnreachable when none is free."""
    address = control.getsockname()[0]
    for _ in range(_ATTEMPTS):
        first = _bind(control.family, address, 0)
        if first is None:
            break
        port = first.getsockname()[1]
        second = _bind(control.family, address, port ^ 1)
        if second is None:
            first.close()
            continue
        return UdpPair(channel, *((first, second) if port % 2 == 0 else (second, first)))
    raise CameraUnreachable(
        "no pair of free UDP ports on this node; raise net.ipv4.ip_local_port_range", cause=GapCause.NODE
    )


def connect_pair(pair: UdpPair, control: socket.socket, reply: TransportReply) -> None:
    """Take packets from the camera only, and open the way through firewalls that want to see an outgoing packet."""
    if reply.server_port is None:
        return
    source = reply.source or control.getpeername()[0]
    for sock, port, greeting in (
        (pair.rtp, reply.server_port[0], _EMPTY_RTP),
        (pair.rtcp, reply.server_port[1], build_receiver_report(0)),
    ):
        try:
            sock.connect((source, port))
            sock.send(greeting)
        except OSError:
            continue  # an address that cannot be reached from here: packets may come all the same


def _bind(family: int, address: str, port: int) -> socket.socket | None:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        sock.bind((address, port))
    except (OSError, OverflowError):
        sock.close()
        return None
    return sock
