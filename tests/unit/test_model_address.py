"""No credential survives redaction, and nothing else is lost."""

from __future__ import annotations

import pytest

from khue.model.address import fill_credentials, redact, strip_credentials


@pytest.mark.parametrize(
    ("given", "url", "username", "password"),
    [
        ("rtsp://10.0.0.1/live", "rtsp://10.0.0.1/live", "", ""),
        ("rtsp://admin:pw@10.0.0.1:554/a?b=c", "rtsp://10.0.0.1:554/a?b=c", "admin", "pw"),
        ("rtsp://admin@10.0.0.1/", "rtsp://10.0.0.1/", "admin", ""),
        ("rtsp://a%40b:p%3Aw%2F@h/", "rtsp://h/", "a@b", "p:w/"),
        ("rtsp://admin:p@ss:w@h:554/x", "rtsp://h:554/x", "admin", "p@ss:w"),
        ("rtsp://admin:pa/ss#1@h:554/x", "rtsp://h:554/x", "admin", "pa/ss#1"),
        ("rtsp://u:p@[fe80::1]:554/x", "rtsp://[fe80::1]:554/x", "u", "p"),
        ("rtsp://[fe80::1]/x@2", "rtsp://[fe80::1]/x@2", "", ""),
        ("rtsp://h/at@sign", "rtsp://h/at@sign", "", ""),
        (
            "rtsp://h/user=admin&password=tlJw&channel=1&stream=0.sdp?",
            "rtsp://h/user={user}&password={pw}&channel=1&stream=0.sdp?",
            "admin",
            "tlJw",
        ),
        (
            "rtsp://h/user=admin_password=tlJw_channel=1_stream=0.sdp?real",
            "rtsp://h/user={user}_password={pw}_channel=1_stream=0.sdp?real",
            "admin",
            "tlJw",
        ),
        ("rtsp://h/x?user={user}&password={pw}", "rtsp://h/x?user={user}&password={pw}", "", ""),
        ("no url at all", "no url at all", "", ""),
    ],
)
def test_strip(given: str, url: str, username: str, password: str) -> None:
    assert strip_credentials(given) == (url, username, password)
    assert strip_credentials(url) == (url, "", "")


def test_what_was_stripped_from_a_path_can_be_filled_in_again() -> None:
    url, username, password = strip_credentials("rtsp://h/user=ad%20min&password=p%26w&channel=1")
    assert fill_credentials(url, username, password) == "rtsp://h/user=ad%20min&password=p%26w&channel=1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot open rtsp://admin:s3cret@h:554/x: no", "cannot open rtsp://***@h:554/x: no"),
        ("<rtsp://a:s3cret@h/> and http://b:s3cret@h/y", "<rtsp://***@h/> and http://***@h/y"),
        ("/user=admin&password=s3cret&channel=1", "/user=***&password=***&channel=1"),
        ("/user=admin_password=s3cret_channel=1", "/user=***_password=***_channel=1"),
        ("GET /cgi?usr=admin&pwd=s3cret HTTP/1.1", "GET /cgi?usr=***&pwd=*** HTTP/1.1"),
        ("Authorization: Basic s3cret\r\nCSeq: 1", "Authorization: ***\r\nCSeq: 1"),
        ("user={user}&password={pw}", "user={user}&password={pw}"),
        ("rtsp://a:s3@cret/s3cret#@h/x", "rtsp://***@h/x"),
        ("rtsp://h/at@sign", "rtsp://h/at@sign"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_redact(text: str, expected: str) -> None:
    assert redact(text) == expected
