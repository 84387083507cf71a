"""The files of a version: what is wrong with them is said with file, key and remedy, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from khue.model.errors import ConfigError
from khue.model.regulation.reading import (
    FILES,
    PACKAGED,
    RegulationError,
    digest_of,
    packaged_files,
    read,
    read_folder,
)
from khue.model.regulation.terms import RIGHTS

GOOD = packaged_files()


def problems(*changes: tuple[str, str, str], files: dict[str, str] | None = None) -> tuple[str, ...]:
    """What is said of the packaged version after each (file, before, after)."""
    made = dict(GOOD if files is None else files)
    for name, before, after in changes:
        assert before in made[name], before
        made[name] = made[name].replace(before, after, 1)
    with pytest.raises(RegulationError) as raised:
        read(made)
    return raised.value.problems


def test_the_packaged_version_stands_up() -> None:
    made = read(GOOD)
    assert made.id == PACKAGED and {*GOOD} == {*FILES}
    for kind in ("administrator", "operator", "viewer"):
        for right in ("see", "live", "playback"):
            assert made.rules[kind, right].default_purpose == "duty"
    exports = [rule for (_, right), rule in made.rules.items() if right == "export"]
    assert exports and all({*rule.needs} >= {"purpose", "case", "reason"} for rule in exports)
    assert {right for kind, right in made.rules if kind in ("auditor", "inspector")} == {"see", "audit"}
    assert {right for kind, right in made.rules if kind == "administrator"} == {*RIGHTS}
    assert {rule.clause for rule in made.rules.values()} <= {*made.clauses}


def test_every_kind_and_right_that_has_a_rule_has_an_example() -> None:
    """Of every kind at least one, and of every right: so that a change that was not meant is seen."""
    made = read(GOOD)
    assert {case.kind for case in made.cases} >= {
        kind for kind in made.kinds if kind not in ("shift_commander", "engineer")
    }
    assert {case.right for case in made.cases} >= {"live", "playback", "export", "see", "audit"}


WRONG = [
    ("rights.toml", 'clause = "4.4"', 'clause = "44.1"', "rights.toml: rule[0].clause", "44.1"),
    ("rights.toml", 'kinds = ["auditor", "inspector"]', 'kinds = ["auditors"]', "rule[8].kinds", "administrator"),
    ("rights.toml", 'rights = ["live"]', 'rights = ["life"]', "rule[1].rights", "playback"),
    ("rights.toml", 'default_purpose = "traffic"', 'default_purpose = "trafic"', "default_purpose", "trafic"),
    ("rights.toml", 'purposes = ["violation"]', 'purposes = ["speeding"]', "purposes", "speeding"),
    ("rights.toml", 'purposes = ["violation"]', "purposes = []", "purposes", "leave it out for any"),
    ("rights.toml", 'needs = ["purpose", "case", "reason"]', 'needs = ["purpose", "case"]', "rule[3].needs", "write all three"),
    ("rights.toml", 'needs = ["purpose", "case", "reason"]', 'needs = ["boss"]', "rule[3].needs[0]", "boss"),
    (
        "rights.toml",
        'kinds = ["auditor", "inspector"]\nrights = ["see"]',
        'kinds = ["auditor", "inspector"]\nrights = ["see", "live"]',
        "rule[8]",
        "may never have live",
    ),
    ("rights.toml", '["broadcaster"]\nrights = ["live"]', '["broadcaster"]\nrights = ["live", "playback"]', "", "never"),
    ("rights.toml", '["approve", "administer"]', '["approve"]', "", "no kind may administer"),
    ("rights.toml", '["traffic_police"]\nrights = ["see"]', '["traffic_police"]\nrights = ["see", "ptz"]', "rule", "keep one"),
    ("rights.toml", 'camera_purposes = ["defence"]', 'camera_purposes = ["army"]', "addition[0].camera_purposes", "defence"),
    ("rights.toml", 'needs = ["second"]', 'needs = ["purpose"]', "addition[0].needs", "reason, case or second"),
    ("clauses.toml", 'vi = "Phạm vi và nguyên tắc"', 'vi = " "', "clauses.toml: clause '1'.vi", "Vietnamese"),
    ("clauses.toml", 'id = "5"\n', 'id = "5x"\n', "clause '5x'", "an article like 5"),
    ("clauses.toml", 'id = "17"\n', 'id = "18"\n', "clause '17.1'", "article 17 is missing"),
    ("clauses.toml", 'id = "7.2"\n', 'id = "7.1"\n', "clause[27].id", "twice"),
    ("kinds.toml", 'id = "planner"', 'id = "Planner"', "kinds.toml: kind 'Planner'", "lower-case"),
    ("kinds.toml", 'never = ["export", "audit", "administer"]', 'never = ["exports"]', "never", "exports"),
    ("purposes.toml", 'en = "Training and exercises"', 'en = ""', "purposes.toml: purpose 'training'.en", "English"),
    ("purposes.toml", 'en = "Training and exercises"', "", "purposes.toml: purpose[10]", "en"),
    ("retention.toml", "days = 90", "days = 400", "retention[1].days", "ceiling_days"),
    ("retention.toml", "days = 90", "days = 0", "retention[1].days", "above 0"),
    ("retention.toml", "days = 90", 'days = "90"', "retention[1].days", "str"),
    ("retention.toml", "ceiling_days = 365", "ceiling_days = 36500", "ceiling_days", "kept for ever"),
    ("retention.toml", 'camera_purpose = "violation"', 'camera_purpose = "security"', "retention[1].from", "until = 2025-07-01"),
    ("retention.toml", 'camera_purpose = "violation"', 'camera_purpose = "violations"', "retention[1]", "violation"),
    ("retention.toml", "from = 2025-07-01", "from = 2025-07-01\nuntil = 2025-01-01", "retention[0].until", "not after from"),
    ("disclosure.toml", 'camera_purpose = "defence"\ntier = "counted"', 'camera_purpose = "defence"\ntier = "area"', "", "counted"),
    ("disclosure.toml", 'tier = "area"', 'tier = "secret"', "tier", "located"),
    ("break_glass.toml", "people = 2", "people = 1", "break_glass.toml: people", "2"),
    ("break_glass.toml", '"ptz"]', '"ptz", "export"]', "break_glass.toml: rights", "asked for"),
    ("break_glass.toml", "minutes = 60", "minutes = 100000", "minutes", "a day"),
    ("break_glass.toml", '["owner", "auditor"]', '["owner"]', "told", "name both"),
    ("deadlines.toml", "working_days = 2", "working_days = 2\nhours = 3", "deadline 'request'", "either hours or working_days"),
    ("deadlines.toml", 'id = "request"', 'id = "requests"', "deadlines.toml", "'request'"),
    ("deadlines.toml", "remind_hours = 1", "remind_hours = 9", "deadline 'second'.remind_hours", "less than"),
    ("passwords.toml", "min_length = 10", "min_length = 4", "passwords.toml: min_length", "between 8"),
    ("passwords.toml", '"investigator"]', '"detective"]', "second_factor_for", "detective"),
    ("passwords.toml", "history = 3", "histori = 3", "passwords.toml", "histori"),
    ("cases.toml", 'expect = "allowed"', 'expect = "maybe"', "cases.toml: case[0].expect", "purpose_needed"),
    ("cases.toml", 'kind = "duty_officer"', 'kind = "officer"', "cases.toml: case[0].kind", "officer"),
    ("cases.toml", 'clause = "5.1"', 'clause = "55"', "cases.toml: case[0].clause", "55"),
    ("regulation.toml", "format = 1", "format = 2", "regulation.toml: format", "reads 1"),
    ("regulation.toml", 'timezone = "Asia/Ho_Chi_Minh"', 'timezone = "Asia/Hanoi"', "timezone", "Asia/Ho_Chi_Minh"),
    ("regulation.toml", 'timezone = "Asia/Ho_Chi_Minh"', 'timezone = "../../etc/passwd"', "timezone", "Asia/Ho_Chi_Minh"),
    ("regulation.toml", f'id = "{PACKAGED}"', 'id = "../x"', "regulation.toml: id", "letters"),
    ("regulation.toml", 'kind = "4.1"', 'kind = "9.9"', "refusals.kind", "clauses.toml"),
    ("regulation.toml", "format = 1", "format = ", "regulation.toml: is not TOML", "line"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "before", "after", "where", "says"), WRONG)
def test_what_is_wrong_is_said_with_file_key_and_remedy(
    file: str, before: str, after: str, where: str, says: str
) -> None:
    found = [problem for problem in problems((file, before, after)) if where in problem and says in problem]
    assert found and all(problem.startswith(f"{file}: ") for problem in found), problems((file, before, after))


def test_everything_is_said_at_once() -> None:
    said = problems(
        ("rights.toml", 'clause = "4.4"', 'clause = "44"'),
        ("retention.toml", "days = 90", "days = 400"),
        ("purposes.toml", 'en = "Training and exercises"', 'en = ""'),
    )
    assert [problem.split(":")[0] for problem in said] == ["rights.toml", "purposes.toml", "retention.toml"]


def test_files_that_lack_or_do_not_belong() -> None:
    files = {name: text for name, text in GOOD.items() if name != "cases.toml"} | {"notes.toml": ""}
    said = problems(files=files)
    assert any(problem.startswith("cases.toml: is missing") for problem in said)
    assert any(problem.startswith("notes.toml: is no file of a version") for problem in said)


def test_a_version_without_cases_is_refused() -> None:
    said = problems(files={**GOOD, "cases.toml": "case = []"})
    assert said == ("cases.toml: there is no [[case]]; a regulation nobody tested is not put in force",)


def test_a_gap_between_two_terms_is_named() -> None:
    term = '[[retention]]\ncamera_purpose = "vov_traffic"\ndays = 5\nfrom = 2030-01-01\nclause = "13.1"\n'
    ended = GOOD["retention.toml"].replace("priority = 10\n", "priority = 10\nuntil = 2029-01-01\n")
    (said,) = problems(files={**GOOD, "retention.toml": f"{ended}\n{term}"})
    assert "no term of vov_traffic holds from 2029-01-01 to 2030-01-01" in said


def test_a_stored_version_is_read_even_when_the_checks_grew() -> None:
    files = {**GOOD, "retention.toml": GOOD["retention.toml"].replace("days = 90", "days = 400")}
    assert read(files, stored=True).retention[1].days == 400


def test_the_digest_is_of_names_and_texts() -> None:
    assert digest_of({"a": "bc"}) != digest_of({"ab": "c"})
    assert digest_of({"a": "1", "b": "2"}) == digest_of({"b": "2", "a": "1"})
    assert read(GOOD).digest == digest_of(GOOD)


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "README.md").write_text("not a file of a version")
    assert read_folder(tmp_path) == GOOD
    (tmp_path / "cases.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_folder(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_folder(tmp_path / "none")


def test_no_file_gives_an_auditor_pictures() -> None:
    """Not even one that takes the line out of kinds.toml first."""
    kinds = GOOD["kinds.toml"]
    line = 'never = ["live", "playback", "export", "ptz", "manage", "onboard", "approve", "administer"]\n'
    assert kinds.count(line) == 2
    given = (
        'kinds = ["auditor", "inspector"]\nrights = ["see"]',
        'kinds = ["auditor", "inspector"]\nrights = ["see", "live"]',
    )
    said = problems(("rights.toml", *given), files={**GOOD, "kinds.toml": kinds.replace(line, "")})
    assert len(said) == 2 and all("may never have live" in problem for problem in said)
