"""What somebody found about the security of some cameras: QCVN 11:2026/BCA, for few cameras and few of its eleven groups."""

from __future__ import annotations

import datetime as dt
import random
from typing import NamedTuple

from khue.model.registry import SecurityTopic

_CHECKED = 0.2  # of all installed
_PASS = 0.62
_EVIDENCE = {
    SecurityTopic.PASSWORDS: "Biên bản đổi mật khẩu {0}/BB",
    SecurityTopic.SIGNED_UPDATES: "Phiên bản phần mềm ghi tại biên bản {0}/BB",
    SecurityTopic.ENCRYPTED_CHANNELS: "Kết quả quét cổng {0}",
    SecurityTopic.UNUSED_INTERFACES_OFF: "Kết quả quét cổng {0}",
    SecurityTopic.STORAGE_IN_VIETNAM: "Hợp đồng lưu trữ {0}",
}


class Finding(NamedTuple):
    """``result`` is pass, fail, not_applicable or unknown."""

    topic: SecurityTopic
    result: str
    evidence: str
    checked_on: dt.date


def findings(chance: random.Random, until: dt.date) -> tuple[Finding, ...]:
    """Of one camera; mostly none, and hardly ever all eleven."""
    if chance.random() >= _CHECKED:
        return ()
    topics = list(SecurityTopic) if chance.random() < 0.1 else chance.sample(list(SecurityTopic), chance.randint(1, 6))
    day = until - dt.timedelta(days=chance.randint(0, 400))
    careful = chance.random() < 0.4  # who cares for one thing cares for the others
    return tuple(
        Finding(
            topic,
            _result(chance, careful),
            _EVIDENCE.get(topic, "Kiểm tra tại chỗ {0}").format(chance.randint(1, 900)),
            day,
        )
        for topic in sorted(topics)
    )


def _result(chance: random.Random, careful: bool) -> str:
    draw = chance.random()
    if careful or draw < _PASS:
        return "not_applicable" if draw > 0.97 else "pass"
    return "fail" if draw < 0.93 else "unknown"
