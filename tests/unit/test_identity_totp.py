"""Time-based codes after RFC 6238: its own vectors, clocks that are off, codes that come twice."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khue.centre.identity.totp import STEP_S, as_base32, code_at, new_totp_secret, step_of, uri_of

RFC = b"12345678901234567890"
VECTORS = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}
NOW = 1_800_000_015.0
STEP = int(NOW // STEP_S)


@pytest.mark.parametrize(("at", "code"), VECTORS.items())
def test_the_vectors_of_the_standard(at: int, code: str) -> None:
    assert code_at(RFC, at // STEP_S) == code
    assert step_of(RFC, code, float(at), 0) == at // STEP_S


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_clock_may_be_off_by_one_step(off: int) -> None:
    assert step_of(RFC, code_at(RFC, STEP + off), NOW, 0) == STEP + off


@pytest.mark.parametrize("off", [-2, 2, 20])
def test_and_by_no_more(off: int) -> None:
    assert step_of(RFC, code_at(RFC, STEP + off), NOW, 0) is None


def test_a_code_counts_once_and_none_before_it_after() -> None:
    assert step_of(RFC, code_at(RFC, STEP), NOW, STEP) is None
    assert step_of(RFC, code_at(RFC, STEP - 1), NOW, STEP) is None
    assert step_of(RFC, code_at(RFC, STEP + 1), NOW, STEP) == STEP + 1


def test_people_write_codes_in_groups() -> None:
    code = code_at(RFC, STEP)
    assert step_of(RFC, f" {code[:3]} {code[3:]} ", NOW, 0) == STEP


@given(st.text(max_size=40))
def test_nothing_else_is_a_code(said: str) -> None:
    right = {code_at(RFC, STEP + off) for off in (-1, 0, 1)}
    assert (step_of(RFC, said, NOW, 0) is not None) == ("".join(said.split()) in right)


def test_the_address_says_what_an_app_needs() -> None:
    secret = new_totp_secret()
    parts = urlsplit(uri_of(secret, "trần.văn", "khue"))
    assert (parts.scheme, parts.netloc, unquote(parts.path)) == ("otpauth", "totp", "/khue:trần.văn")
    told = {name: value[0] for name, value in parse_qs(parts.query).items()}
    wanted = {"issuer": "khue", "algorithm": "SHA1", "digits": "6", "period": "30", "secret": as_base32(secret)}
    assert told == wanted
    assert len(secret) == 20
    assert "=" not in told["secret"]
