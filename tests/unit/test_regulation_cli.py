"""``khue regulation`` on files alone: no centre is needed to test a version or to compare two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from khue.cli.regulation import regulation
from khue.model.regulation.reading import packaged_files


def run(*arguments: str) -> Result:
    return CliRunner().invoke(regulation, list(arguments))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The packaged version as files somebody may edit."""
    out = tmp_path / "hanoi"
    assert run("show", "packaged", "--out", str(out)).exit_code == 0
    return out


def change(folder: Path, name: str, before: str, after: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert before in text
    (folder / name).write_text(text.replace(before, after, 1), encoding="utf-8")


def test_the_packaged_cases_pass() -> None:
    result = run("test")
    assert result.exit_code == 0 and result.output.startswith("24 of 24")


def test_a_folder_or_a_file_of_it_is_tested(folder: Path) -> None:
    assert run("test", str(folder)).exit_code == 0
    change(folder, "rights.toml", 'rights = ["live"]\ndefault_purpose = "duty"', 'rights = ["live"]')
    for where in (folder, folder / "cases.toml"):
        result = run("test", str(where), "--json")
        told = json.loads(result.stdout)
        assert result.exit_code == 1 and told["failed"] == 1 == sum(not case["ok"] for case in told["cases"])


def test_cases_of_one_s_own_are_tried_on_the_packaged_version(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(
        '[[case]]\nname = { vi = "Của tôi", en = "Mine" }\nkind = "viewer"\nright = "export"\nexpect = "allowed"\n',
        encoding="utf-8",
    )
    result = run("test", str(own))
    assert result.exit_code == 1 and "Mine: expected allowed, got kind" in result.output


def test_what_changes_between_two_folders(folder: Path) -> None:
    change(folder, "regulation.toml", 'id = "hanoi-2026.1"', 'id = "hanoi-2027.1"')
    change(folder, "retention.toml", "days = 90", "days = 60")
    told = json.loads(run("diff", "packaged", str(folder), "--json").stdout)
    assert (told["before"], told["after"]) == ("hanoi-2026.1", "hanoi-2027.1")
    assert [setting["key"] for setting in told["settings"]] == ["retention.violation@2025-07-01.days"]
    assert "retention.violation" in run("diff", "packaged", str(folder)).output
    assert "say the same" in run("diff", "packaged", "packaged").output


def test_what_is_wrong_is_said(folder: Path) -> None:
    change(folder, "retention.toml", "days = 90", "days = 9000")
    result = run("test", str(folder))
    assert result.exit_code == 1 and "retention.toml: retention[1].days" in str(result.exception)


def test_a_version_is_shown(folder: Path) -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == packaged_files()
    told = json.loads(run("show", str(folder), "--json").stdout)
    assert told["id"] == "hanoi-2026.1" and told["rules"][0]["clause"] == "4.4"
    assert "planner" in run("show", "packaged").output
