"""Placement, roles, throttling and folding, as properties."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khue.centre.access.refusals import Ask, Refusal, Verdict
from khue.centre.access.rules import RIGHT_OF, Action, Right, backoff, throttle_keys
from khue.centre.fleet.rules import CameraPlace, Move, NodeLoad, fold, place, reaches

SITES = ("", "north", "south", "east")


@st.composite
def fleets(draw: st.DrawFn) -> tuple[list[NodeLoad], list[CameraPlace]]:
    """Nodes, and cameras some of which are on them."""
    ids = [f"n{number}" for number in range(draw(st.integers(0, 4)))]
    count = draw(st.integers(0, 12))
    places = [
        CameraPlace(f"c{number:02}", draw(st.sampled_from(SITES)), draw(st.sampled_from([*ids, None])))
        for number in range(count)
    ]
    on = Counter(camera.node for camera in places)
    nodes = [
        NodeLoad(
            node,
            draw(st.frozensets(st.sampled_from(SITES[1:]))),
            draw(st.integers(1, 6)),
            on[node],
            draw(st.booleans()),
        )
        for node in ids
    ]
    return nodes, places


@given(fleets())
def test_moves_go_to_live_nodes_that_reach_the_camera_and_have_room(
    fleet: tuple[list[NodeLoad], list[CameraPlace]],
) -> None:
    nodes, cameras = fleet
    known = {node.id: node for node in nodes}
    load = {node.id: node.cameras for node in nodes}
    sites = {camera.id: camera.site for camera in cameras}
    for move in place(nodes, cameras):
        if move.node is None:
            continue
        target = known[move.node]
        assert target.alive
        assert reaches(target, sites[move.camera])
        assert load[target.id] < target.capacity
        load[target.id] += 1
        if move.before is not None:
            load[move.before] -= 1


@given(fleets())
def test_a_camera_that_is_well_placed_stays_and_one_that_is_not_moves_if_it_can(
    fleet: tuple[list[NodeLoad], list[CameraPlace]],
) -> None:
    nodes, cameras = fleet
    known = {node.id: node for node in nodes}
    moves = {move.camera: move for move in place(nodes, cameras)}
    after = Counter((moves[c.id].node or c.node) if c.id in moves else c.node for c in cameras)
    for camera in cameras:
        present = known.get(camera.node or "")
        well = present is not None and present.alive and reaches(present, camera.site)
        move = moves.get(camera.id)
        if well:
            assert move is None
        elif move is None or move.node is None:
            room = [n for n in nodes if n.alive and reaches(n, camera.site) and after[n.id] < n.capacity]
            assert all(node is present for node in room)
            assert move is None if present is not None else move is not None


@given(fleets())
def test_placing_again_changes_nothing(fleet: tuple[list[NodeLoad], list[CameraPlace]]) -> None:
    nodes, cameras = fleet
    moves = {move.camera: move for move in place(nodes, cameras)}
    settled = [CameraPlace(c.id, c.site, moves[c.id].node or c.node) if c.id in moves else c for c in cameras]
    on = Counter(camera.node for camera in settled)
    again = [NodeLoad(n.id, n.sites, n.capacity, on[n.id], n.alive) for n in nodes]
    assert [move for move in place(again, settled) if move.node is not None] == []


@given(fleets())
def test_without_failover_a_dead_node_keeps_its_cameras(fleet: tuple[list[NodeLoad], list[CameraPlace]]) -> None:
    nodes, cameras = fleet
    dead = {node.id for node in nodes if not node.alive}
    assert not [move for move in place(nodes, cameras, failover=False) if move.before in dead]


def test_the_least_used_share_of_capacity_wins_and_reasons_are_told() -> None:
    nodes = [
        NodeLoad("big", frozenset({"s"}), 100, 10, True),
        NodeLoad("small", frozenset({"s"}), 10, 2, True),
        NodeLoad("gone", frozenset({"s", "t"}), 100, 1, False),
        NodeLoad("full", frozenset({"u"}), 1, 1, True),
    ]
    cameras = [
        CameraPlace("a", "s", None),
        CameraPlace("b", "s", "gone"),
        CameraPlace("c", "t", None),
        CameraPlace("d", "nowhere", None),
        CameraPlace("e", "u", None),
        CameraPlace("f", "s", "full"),
        CameraPlace("g", "u", None),
    ]
    assert sorted(place(nodes, cameras), key=lambda move: move.camera) == [
        Move("a", "big", None, "first placement"),
        Move("b", "big", "gone", "node gone is not heard of"),
        Move("c", None, None, "no node that reaches site t is alive; start one of: gone"),
        Move("d", None, None, "no node reaches site nowhere; register one, or correct the camera's site"),
        Move("e", None, None, "every live node that reaches site u is full; add a node or raise a capacity"),
        Move("f", "big", "full", "node full does not reach site s"),
        Move("g", "full", None, "first placement"),  # into the room that f leaves
    ]


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Hàng Bài", "hang bai"), ("Hoà Bình", "hoa binh"), ("Hòa Bình", "hoa binh"), ("ĐƯỜNG Láng", "duong lang")],
)
def test_folding_is_what_people_type(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_every_action_has_a_right_or_none_on_purpose() -> None:
    assert set(RIGHT_OF) == set(Action)
    free = {action for action, right in RIGHT_OF.items() if right is None}
    assert not any(action.startswith(("camera:", "clip:", "registry:", "log:", "account:")) for action in free)


@pytest.mark.parametrize("verdict", [one for one in Verdict if one not in (Verdict.ALLOWED, Verdict.UNKNOWN)])
def test_a_refusal_says_what_and_whom_to_ask_in_both_languages(verdict: Verdict) -> None:
    refusal = Refusal(verdict, Right.EXPORT, ask=(Ask("ward", "Công an phường", ("Trưởng",)),))
    assert "trích xuất hình ảnh" in refusal.text.vi
    assert str(refusal) == refusal.text.en
    assert "exporting" in refusal.text.en
    assert refusal.remedy


def test_failed_attempts_wait_longer_and_longer_up_to_a_quarter_of_an_hour() -> None:
    assert [backoff(failures, 5) for failures in (0, 4, 5, 6, 7, 15, 1000)] == [0, 0, 1, 2, 4, 900, 900]
    strict, name, address = throttle_keys("an", "192.0.2.1")
    assert strict.free < name.free
    assert len({strict.key, name.key, address.key}) == 3
