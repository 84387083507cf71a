"""Challenges and answers; the worked examples are those of the RFCs."""

from __future__ import annotations

import hashlib
import re

import pytest

from khue.camera.auth import Authenticator, parse_challenges


def answer(challenge: str, *, username: str, password: str, method: str, url: str, cnonce: str = "c") -> dict[str, str]:
    auth = Authenticator(username, password, cnonce=lambda: cnonce)
    assert auth.challenge([challenge]) is not None
    header = auth.header(method, url)
    assert header is not None and header.startswith("Digest ")
    return dict(re.findall(r'(\w+)="?([^",]*)"?', header.removeprefix("Digest ")))


def test_rfc_2617_section_3_5() -> None:
    fields = answer(
        'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"',
        username="Mufasa",
        password="Circle Of Life",
        method="GET",
        url="/dir/index.html",
        cnonce="0a4f113b",
    )
    assert fields["response"] == "6629fae49393a05397450978507c4ef1"
    assert fields["opaque"] == "5ccc069c403ebaf9f0171e9517f40e41" and fields["nc"] == "00000001"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc_7616_section_3_9_1(algorithm: str, response: str) -> None:
    fields = answer(
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
        username="Mufasa",
        password="Circle of Life",
        method="GET",
        url="/dir/index.html",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert fields["response"] == response and fields["algorithm"] == algorithm


def test_without_qop_the_old_formula_is_used() -> None:
    fields = answer('Digest realm="r", nonce="n"', username="u", password="p", method="DESCRIBE", url="rtsp://h/")
    first, second = hashlib.md5(b"u:r:p").hexdigest(), hashlib.md5(b"DESCRIBE:rtsp://h/").hexdigest()
    assert fields["response"] == hashlib.md5(f"{first}:n:{second}".encode()).hexdigest()
    assert "cnonce" not in fields and "algorithm" not in fields


def test_the_nonce_count_grows_and_starts_again_with_a_new_nonce() -> None:
    auth = Authenticator("u", "p")
    auth.challenge(['Digest realm="r", nonce="n", qop=auth'])
    assert ["nc=00000001" in (auth.header("A", "b") or ""), "nc=00000002" in (auth.header("A", "b") or "")] == [
        True,
        True,
    ]
    auth.challenge(['Digest realm="r", nonce="m", qop=auth, stale=true'])
    assert "nc=00000001" in (auth.header("A", "b") or "")


def test_challenges_in_one_header_and_in_several() -> None:
    one = parse_challenges(['Digest realm="a, b=c", nonce=n1, stale="TRUE", Basic realm="x\\"y"'])
    assert [challenge.scheme for challenge in one] == ["digest", "basic"]
    assert one[0].parameters == {"realm": "a, b=c", "nonce": "n1", "stale": "TRUE"} and one[0].stale
    assert one[1].parameters == {"realm": 'x"y'}
    assert len(parse_challenges(['Basic realm="a"', "Digest nonce=1"])) == 2


def test_the_strongest_wins_and_the_unusable_are_left() -> None:
    auth = Authenticator("u", "p")
    chosen = auth.challenge(['Basic realm="a"', "Digest nonce=1, algorithm=SHA-256", "Digest nonce=2, algorithm=MD5"])
    assert chosen is not None and str(chosen) == "digest SHA-256"
    chosen = auth.challenge(['Basic realm="a"', "Digest nonce=1, algorithm=SHA-512-256", "Digest realm=x"])
    assert chosen is not None and chosen.scheme == "basic"
    assert auth.challenge(["Negotiate", "", "==", "Digest"]) is None


def test_basic_and_quotes_in_names() -> None:
    auth = Authenticator("Aladdin", "open sesame")
    assert auth.header("GET", "/") is None
    auth.challenge(['Basic realm="x"'])
    assert auth.header("GET", "/") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    fields = Authenticator('a"b\\c', "p")
    fields.challenge(["Digest nonce=1"])
    assert 'username="a\\"b\\\\c"' in (fields.header("GET", "/") or "")


def test_it_shows_no_secret() -> None:
    auth = Authenticator("someone", "s3cret")
    assert not Authenticator("", "").available and auth.available
    auth.challenge(["Digest nonce=1"])
    assert repr(auth) == "Authenticator(digest MD5)"
