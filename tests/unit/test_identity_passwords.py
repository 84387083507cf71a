"""Which passwords are good enough."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khue.centre.errors import Invalid
from khue.centre.identity.password_rules import PasswordRules, check_password
from khue.centre.ids import new_password

RULES = PasswordRules(banned=("Hà Nội", "khue"))
NAMES = ("nguyen.lan", "Nguyễn Lan")


@pytest.mark.parametrize(
    "password",
    [
        "long enough 1",
        "mot-hai-ba-bon",
        "a-long-password",
        "for measuring only",
        "cầu Long Biên chiều nay",
        "hanoi mùa thu lá vàng",
        "nguyen.lan thích phở bò",
    ],
)
def test_a_few_words_are_a_password(password: str) -> None:
    check_password(RULES, password, NAMES)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short 1", "too short"),
        ("aaaaaaaaaaaaaaaa", "same few"),
        ("ababababababab", "same few"),
        ("password123", "tried first"),
        ("P@ssw0rd123", "tried first"),
        ("Mật-Khẩu-123456", "tried first"),
        ("qwertyuiopqwe", "row of keys"),
        ("9876543210987", "row of keys"),
        ("abcdefghijklm", "row of keys"),
        ("HàNội-2026!!", "little more than a name"),
        ("hanoi-khue-2026", "little more than a name"),
        ("H@n0i-khu3-2027-2028", "little more than a name"),
        ("nguyen.lan.2026", "little more than a name"),
        ("nguyễn lan 999", "little more than a name"),
        ("x1" * 501, "longer than"),
    ],
)
def test_what_is_tried_first_is_not(password: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        check_password(RULES, password, NAMES)


def test_the_regulation_says_how_long() -> None:
    with pytest.raises(Invalid, match="at least 16"):
        check_password(PasswordRules(min_length=16), "long enough 1", ())


def test_what_the_machine_makes_up_is_good_enough() -> None:
    for _ in range(200):
        check_password(RULES, new_password(), NAMES)


@given(st.text(max_size=60), st.lists(st.text(max_size=12), max_size=3))
def test_any_text_is_judged(password: str, names: list[str]) -> None:
    try:
        check_password(RULES, password, names)
    except Invalid as error:
        assert password == "" or len(password) < 4 or password not in str(error)
