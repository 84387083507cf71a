"""Configuration, SQL files, secrets, tokens, subjects and addresses."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from khue.centre import sql
from khue.centre.config import CentreConfig, load, parse
from khue.centre.errors import Throttled
from khue.centre.events.board import Resync, StatusNews, Watcher
from khue.centre.ids import new_id, new_password
from khue.centre.problems import problem_of
from khue.centre.secrets import Vault, load_token_key, load_vault
from khue.model import errors
from khue.model.address import redact, strip_credentials
from khue.model.camera import StreamName
from khue.model.errors import ConfigError, Denied, KhueError
from khue.wire import subjects
from khue.wire.token import Grant, sign, verify

SOURCE = Path(sql.__file__).parent


# -- configuration -----------------------------------------------------------------------------------------------------


def test_defaults_run_everything_embedded() -> None:
    config = parse({})
    assert config == CentreConfig()
    assert (config.database.dsn, config.bus.url, config.objects.url) == ("", "", "")
    assert config.keys == Path("centre-data/keys")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"listn": {}}, "listn"),
        ({"listen": {"prt": 1}}, "prt"),
        ({"listen": {"port": "x"}}, "port"),
        ({"listen": {"port": 70000}}, "port"),
        ({"listen": {"tls_cert": "c.pem"}}, "tls_key"),
        ({"fleet": {"lease_s": 1}}, "lease_s"),
        ({"database": {"connections": 1}}, "connections"),
        ({"objects": {"clip_days": 0}}, "clip_days"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        parse(values)


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "centre.toml"
    path.write_text('data_dir = "d"\n[listen]\nport = 0\n')
    assert load(path).listen.port == 0
    path.write_text("data_dir = ")
    with pytest.raises(ConfigError, match="not TOML"):
        load(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")


# -- SQL ---------------------------------------------------------------------------------------------------------------


def test_every_statement_is_used_and_every_used_one_exists() -> None:
    for path in SOURCE.rglob("queries.sql"):
        names = set(sql.parse(path.read_text()))
        used = {
            name
            for module in path.parent.glob("*.py")
            for name in names | set(_asked(module.read_text()))
            if f'"{name}"' in module.read_text() or f"_SQL['{name}']" in module.read_text()
        }
        assert used == names, path


def _asked(source: str) -> list[str]:
    return [part.split('"')[0] for part in source.split('_SQL["')[1:]]


def test_two_statements_of_one_name_are_an_error() -> None:
    with pytest.raises(ConfigError):
        sql.parse("-- name: a\nselect 1\n-- name: a\nselect 2")
    assert sql.parse("-- about\n-- name: a\n-- why\nselect 1\n") == {"a": "-- why\nselect 1"}


# -- secrets and tokens ------------------------------------------------------------------------------------------------


@given(st.text())
def test_what_is_sealed_opens_only_in_its_place(plain: str) -> None:
    vault = Vault(b"k" * 32)
    sealed = vault.seal(plain, "camera/1")
    assert vault.open(sealed, "camera/1") == plain
    assert vault.seal(plain, "camera/1") != sealed
    for other, context in ((vault, "camera/2"), (Vault(b"l" * 32), "camera/1")):
        with pytest.raises(ConfigError, match="another key"):
            other.open(sealed, context)


def test_keys_are_made_once_and_kept_private(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    sealed = load_vault(keys).seal("x", "y")
    assert load_vault(keys).open(sealed, "y") == "x"
    assert load_token_key(keys).public_key() == load_token_key(keys).public_key()
    assert (keys / "camera.key").stat().st_mode & 0o777 == 0o600
    (keys / "camera.key").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_vault(keys)
    (keys / "token.key").write_bytes(b"short")
    with pytest.raises(ConfigError, match="damaged"):
        load_token_key(keys)


GRANT = Grant("cam", StreamName.MAIN, ("live",), 1000, "an")


def test_a_token_says_what_was_signed_until_it_expires() -> None:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    token = sign(GRANT, key)
    assert verify(token, public, 999) == GRANT
    with pytest.raises(Denied, match="expired"):
        verify(token, public, 1000)
    with pytest.raises(Denied, match="not signed"):
        verify(token, Ed25519PrivateKey.generate().public_key().public_bytes_raw(), 0)
    with pytest.raises(Denied):
        verify(token, b"", 0)


@given(st.text(max_size=200), st.integers(0, 200))
def test_anything_else_is_denied_and_nothing_breaks(text: str, at: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public = key.public_key().public_bytes_raw()
    token = sign(GRANT, key)
    for forged in (text, token[:at] + text + token[at:], token[:at] + token[at + 1 :], "." + token, token + "="):
        if forged != token:
            with pytest.raises(Denied):
                verify(forged, public, 0)


# -- subjects, addresses, problems -------------------------------------------------------------------------------------


def test_a_node_is_allowed_its_own_name_and_nobody_elses() -> None:
    allowed = subjects.node_permissions("n1")
    assert all(".n1" in pattern for pattern in (*allowed.publish, *allowed.subscribe))
    assert subjects.speaker(subjects.join("n1")) == "n1"
    inbox = subjects.read_inbox("n1", "r")
    assert subjects.credit(inbox) == "khue.read.n1.r.credit"
    assert [subjects.is_word(text) for text in ("n-1", "a.b", "", "*", ">", "a b", "x" * 65, "ngõ")] == [True] + [
        False
    ] * 7


@pytest.mark.parametrize("password", ["geheim", "p@ss", "p%40ss:w", "a/b"])
def test_an_address_is_split_and_shown_without_its_secret(password: str) -> None:
    bare, username, _ = strip_credentials(f"rtsp://admin:{password}@192.0.2.1:554/path")
    assert (bare, username) == ("rtsp://192.0.2.1:554/path", "admin")
    assert password not in redact(f"cannot open rtsp://admin:{password}@192.0.2.1/x: refused")


def test_every_error_has_a_status_a_code_and_a_remedy() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, KhueError)]
    for kind in kinds:
        status, problem = problem_of(kind("what happened"))
        assert 400 <= status < 600
        assert problem.message == "what happened"
        assert problem.code and problem.remedy
    assert problem_of(Throttled("slow", 3.0))[0] == 429


async def test_a_watcher_that_falls_behind_is_told_to_look_again() -> None:
    watcher = Watcher()
    news = StatusNews("c", "main", "recording", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "", None)
    for _ in range(1001):
        watcher.put(news)
    watcher.put(news)
    assert await watcher.next() == [Resync(), news]


def test_ids_are_words_and_passwords_can_be_typed() -> None:
    assert subjects.is_word(new_id())
    assert new_id() != new_id()
    assert len(new_password()) == 19
