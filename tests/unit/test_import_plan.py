"""What a plan says of each row: exactly one outcome, in an order of its own, and nothing secret."""

from __future__ import annotations

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from import_rows import POLICE, VAULT, WARD, camera, codes, known, notes, outcomes, plan

from khue.centre.access.rules import Term

_NAMES = st.sampled_from(["Ngã tư A", "Ngã ba B", "Cổng C"])
_ROWS = st.lists(
    st.one_of(
        st.builds(
            lambda name, serial, mac, code, owner, north: camera(
                name,
                owner=owner,
                lat=21.03 + north * 5e-5,
                **{k: v for k, v in (("serial", serial), ("mac", mac), ("code", code)) if v},
            ),
            _NAMES,
            st.sampled_from(["", "SN100", "SN200"]),
            st.sampled_from(["", "aa:bb:cc:dd:ee:01", "aa:bb:cc:dd:ee:02"]),
            st.sampled_from(["", "C-1", "C-2"]),
            st.sampled_from([WARD, POLICE]),
            st.integers(0, 5),
        ),
        st.just({"problem": "name_missing"}),
    ),
    max_size=12,
)


@given(_ROWS, _ROWS)
@settings(max_examples=150, deadline=None)
def test_every_row_has_one_outcome_and_every_duplicate_a_row_that_stands(a: list, b: list) -> None:
    planned = plan({"a.xlsx": a, "b.csv": b})
    assert [(row.file, row.row) for row in planned] == [
        *(("a.xlsx", number) for number in range(2, len(a) + 2)),
        *(("b.csv", number) for number in range(2, len(b) + 2)),
    ]
    standing = {(row.file, row.sheet, row.row) for row in planned if row.outcome == "created"}
    for row in planned:
        assert row.outcome in ("created", "duplicate", "refused")
        assert bool(codes(row)) == (row.outcome == "refused")
        if row.outcome == "duplicate":
            first = json.loads(row.duplicate_of or "")
            assert (first["file"], first["sheet"], first["row"]) in standing
    ids = [row.camera for row in planned if row.outcome == "created"]
    assert len(set(ids)) == len(ids)


@given(_ROWS, _ROWS, st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_in_which_files_come_changes_nothing(a: list, b: list, chance: random.Random) -> None:
    files = [("a.xlsx", a), ("b.csv", b), ("c.xlsx", a[:3])]
    straight = outcomes(plan(dict(files)))
    chance.shuffle(files)
    assert outcomes(plan(dict(files))) == straight


@given(_ROWS)
@settings(max_examples=100, deadline=None)
def test_what_was_created_is_unchanged_when_it_comes_again(rows: list) -> None:
    first = plan({"a.xlsx": rows})
    registry = [known(row.camera or "", **json.loads(row.values)) for row in first if row.outcome == "created"]
    again = plan({"a.xlsx": rows}, registry)
    assert outcomes(again) == ["unchanged" if outcome == "created" else outcome for outcome in outcomes(first)]


def test_what_a_row_says_otherwise_is_changed_and_nothing_else() -> None:
    registry = [
        known("one", name="Old", owner=WARD, unit="00004", serial="SN100", note="kept", latitude=21.0, longitude=105.8)
    ]
    (row,) = plan({"a.xlsx": [camera("New", serial="SN100", lat=21.0, lon=105.8)]}, registry)
    assert (row.outcome, row.camera, row.revision) == ("changed", "one", 1)
    assert json.loads(row.before or "") == {"name": "Old", "search": ""}
    assert json.loads(row.written or "")["name"] == "New"


def test_two_agencies_that_claim_one_camera_are_both_named() -> None:
    rows = {"a.xlsx": [camera("A", serial="SN100")], "b.xlsx": [camera("B", serial="SN100", owner=POLICE)]}
    first, second = plan(rows)
    assert (first.outcome, second.outcome) == ("created", "refused")
    (problem,) = json.loads(second.problems)
    assert problem["code"] == "claimed_by_other"
    for said in (problem["vi"], problem["en"]):
        assert "a.xlsx" in said and "b.xlsx" in said and "UBND PHƯỜNG BA ĐÌNH" in said and "CÔNG AN" in said


def test_secrets_are_sealed_apart_and_open_only_for_their_camera() -> None:
    url = "rtsp://admin:s3cr%40t@192.0.2.7/live/main"
    (row,) = plan({"a.xlsx": [camera("A", rtsp_main=url, username="root", password="p4ss", consent_name="Bà Tư")]})
    shown = f"{row.values}{row.problems}{row.notes}{row.search}"
    for secret in ("s3cr", "p4ss", "root", "Bà Tư"):
        assert secret not in shown
    sealed = {one.kind: one for one in row.sealed}
    assert VAULT.open(sealed["main"].value, f"camera/{row.camera}/main/url") == "rtsp://192.0.2.7/live/main"
    assert json.loads(VAULT.open(sealed["credentials"].value, f"camera/{row.camera}/credentials")) == ["root", "p4ss"]
    assert json.loads(row.values)["rtsp_main"] == "rtsp://192.0.2.7/live/main"


def test_the_same_secrets_again_change_nothing_and_others_do() -> None:
    said = camera("A", serial="SN100", rtsp_main="rtsp://192.0.2.7/1", username="root", password="p4ss")
    (first,) = plan({"a.xlsx": [said]})
    sealed = {one.kind: one.value for one in first.sealed}
    registry = [
        known("x", **{**json.loads(first.values), "credentials": None}),
    ]
    registry[0].id = first.camera or ""
    registry[0].credentials, registry[0].main = sealed["credentials"], sealed["main"]
    assert outcomes(plan({"a.xlsx": [said]}, registry)) == ["unchanged"]
    (other,) = plan({"a.xlsx": [{**said, "password": "new"}]}, registry)
    assert other.outcome == "changed" and [one.kind for one in other.sealed] == ["credentials"]


def test_an_account_of_one_unit_writes_only_there() -> None:
    scope = (Term(units=frozenset({"00004"})),)
    rows = [camera("in"), camera("out", unit="00008", serial="SN9000"), camera("secret", purpose="defence", lat=21.2)]
    registry = [known("hidden", name="hidden", owner=WARD, unit="00008", serial="SN777")]
    rows.append(camera("moved", serial="SN777", lat=21.3))
    planned = plan({"a.xlsx": rows}, registry, scope=scope)
    assert outcomes(planned) == ["created", "refused", "refused", "refused"]
    assert {code for row in planned for code in codes(row)} == {"out_of_scope"}
    assert "hidden" not in planned[3].problems


def test_a_code_that_names_another_camera_is_left_out() -> None:
    first, second = plan({"a.xlsx": [camera("A", code="C-1", serial="SN100"), camera("B", code="C-1", serial="SN200")]})
    assert (first.outcome, second.outcome) == ("created", "created")
    assert "code" not in json.loads(second.values) and notes(second) == ["code_taken"]


def test_a_life_takes_only_steps_there_are() -> None:
    registry = [known("one", name="A", owner=WARD, unit="00004", serial="SN100", latitude=21.03, longitude=105.84)]
    (row,) = plan({"a.xlsx": [camera("A", serial="SN100", life="faulty")]}, registry)
    written = json.loads(row.written or "")
    assert (row.outcome, written["life"], written["life_since"]) == ("changed", "faulty", "2026-11-22")
    (kept,) = plan({"a.xlsx": [camera("A", serial="SN100", life="proposed")]}, registry)
    assert kept.outcome == "unchanged" and notes(kept) == ["life_kept"]


def test_what_the_table_would_refuse_is_refused_row_by_row() -> None:
    rows = [
        camera("A", height_m=900.0),
        camera("B", bearing=360.0),
        camera("C", quiet_from="22:00"),
        camera("D", retention_class="forever"),
        camera("E", rtsp_main="http://192.0.2.7/"),
        camera("F" * 201),
        {"name": "G", "owner": WARD, "unit": "00004", "lat": 21.0},
    ]
    assert outcomes(plan({"a.xlsx": rows})) == ["refused"] * len(rows)


def test_a_camera_of_defence_is_counted_only() -> None:
    (row,) = plan({"a.xlsx": [camera("A", purpose="defence", disclosure="located")]})
    assert json.loads(row.values)["disclosure"] == "counted" and "defence_counted" in notes(row)


def test_a_nul_never_reaches_the_table() -> None:
    (row,) = plan({"a.xlsx": [camera("A\x00B", note="x\x00")]})
    assert "\\u0000" not in row.values and "\x00" not in row.search
