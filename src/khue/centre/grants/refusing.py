"""Why a grant cannot be given, in words: the database says a word, people read a sentence."""

from __future__ import annotations

from khue.centre.access.refusals import Text
from khue.model.errors import Denied

_WORDS: dict[str, Text] = {
    "grant_over": Text(
        "Ủy quyền gốc không còn hiệu lực.",
        "the grant it is derived from is not in force",
    ),
    "grant_not_held": Text(
        "Bạn không giữ ủy quyền nào bao trùm nội dung này và được phép ủy quyền lại.",
        "you hold no grant that covers this and may be handed on",
    ),
    "grant_passes": Text(
        "Ủy quyền gốc không được ủy quyền lại nhiều lần như vậy.",
        "the grant it is derived from may not be handed on that often",
    ),
    "grant_rights": Text("Rộng hơn ủy quyền gốc: quyền.", "wider than the grant it is derived from: rights"),
    "grant_defence": Text(
        "Ủy quyền gốc không bao gồm camera quốc phòng.",
        "the grant it is derived from does not reach defence",
    ),
    "grant_fleets": Text("Rộng hơn ủy quyền gốc: cơ quan.", "wider than the grant it is derived from: fleets"),
    "grant_hours": Text("Rộng hơn ủy quyền gốc: giờ.", "wider than the grant it is derived from: hours"),
    "grant_cameras": Text("Rộng hơn ủy quyền gốc: camera.", "wider than the grant it is derived from: cameras"),
    "grant_purposes": Text(
        "Rộng hơn ủy quyền gốc: mục đích.",
        "wider than the grant it is derived from: purposes",
    ),
    "grant_period": Text(
        "Rộng hơn ủy quyền gốc: thời hạn.",
        "wider than the grant it is derived from: it would outlive it",
    ),
    "revoke": Text(
        "Chỉ người ủy quyền, người giữ ủy quyền gốc hoặc người quản lý các camera này được thu hồi.",
        "only who gave it, who holds what it is derived from, or who answers for its cameras revokes it",
    ),
}


class Withheld(Denied):
    """Somebody gives, or takes back, what they do not hold. ``text`` is the sentence in both languages."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.text = _WORDS[word]
        super().__init__(self.text.en)


def in_words(error: Denied) -> Denied:
    """What the database's trigger said (``word: text``), as a person reads it."""
    word = str(error).partition(":")[0]
    return Withheld(word) if word in _WORDS else error
