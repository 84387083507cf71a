"""Why not, in words: the sentence in both languages, the clause it rests on, and whom to ask."""

from __future__ import annotations

import enum

import msgspec

from khue.centre.access.rules import Right
from khue.model.errors import Denied


class Verdict(enum.StrEnum):
    """What ``decide`` says, and what the regulation asks for besides."""

    ALLOWED = "allowed"
    UNKNOWN = "unknown"
    NO_RIGHT = "no_right"
    KIND = "kind"
    HOURS = "hours"
    PURPOSE = "purpose"
    PURPOSE_NEEDED = "purpose_needed"
    NEEDS_CASE = "needs_case"
    NEEDS_REASON = "needs_reason"
    NEEDS_SECOND = "needs_second"


class Clause(msgspec.Struct, frozen=True):
    """A clause of a version of the regulation, as it reads."""

    version: str
    id: str
    vi: str
    en: str


class Ask(msgspec.Struct, frozen=True):
    """An agency that may give what is missing, and the posts in it that may decide."""

    agency: str
    name: str
    posts: tuple[str, ...] = ()


class Text(msgspec.Struct, frozen=True):
    """One sentence, in both languages."""

    vi: str
    en: str


RIGHT_WORDS: dict[Right, Text] = {
    Right.SEE: Text("xem thông tin camera", "seeing the camera in lists"),
    Right.LIVE: Text("xem trực tiếp", "watching live"),
    Right.PLAYBACK: Text("xem lại", "playing back"),
    Right.EXPORT: Text("trích xuất hình ảnh", "exporting"),
    Right.PTZ: Text("điều khiển camera", "steering the camera"),
    Right.MANAGE: Text("quản lý hồ sơ", "managing records"),
    Right.ONBOARD: Text("kết nối camera", "connecting cameras"),
    Right.APPROVE: Text("phê duyệt yêu cầu", "deciding requests"),
    Right.AUDIT: Text("kiểm tra nhật ký", "reading the audit log"),
    Right.ADMINISTER: Text("quản trị hệ thống", "administering the system"),
}
_SENTENCES: dict[Verdict, Text] = {
    Verdict.NO_RIGHT: Text("Không có ủy quyền nào cho phép bạn {vi} ở đây.", "you hold no grant for {en} here"),
    Verdict.KIND: Text("Quy chế không cho phép vị trí của bạn {vi}.", "the regulation does not allow your post {en}"),
    Verdict.HOURS: Text(
        "Ủy quyền {vi} của bạn không có hiệu lực vào giờ này.", "your grant for {en} does not hold at this hour"
    ),
    Verdict.PURPOSE: Text("Mục đích đã nêu không được phép {vi}.", "the purpose you state does not allow {en}"),
    Verdict.PURPOSE_NEEDED: Text("Cần nêu mục đích để {vi}.", "state a purpose for {en}"),
    Verdict.NEEDS_CASE: Text("Cần số vụ việc để {vi}.", "state a case number for {en}"),
    Verdict.NEEDS_REASON: Text("Cần nêu lý do để {vi}.", "state a reason for {en}"),
    Verdict.NEEDS_SECOND: Text("Cần người thứ hai xác nhận để {vi}.", "a second person has to confirm {en}"),
}
_REMEDIES: dict[Verdict, str] = {
    Verdict.PURPOSE: "State another purpose, or ask for a grant for this one.",
    Verdict.PURPOSE_NEEDED: "Send the purpose: header X-Khue-Purpose.",
    Verdict.NEEDS_CASE: "Send the case number: header X-Khue-Case.",
    Verdict.NEEDS_REASON: "Send the reason: header X-Khue-Reason.",
    Verdict.NEEDS_SECOND: "Ask a colleague for a second word, then try again.",
    Verdict.HOURS: "Wait for the hours of the grant, or ask for another one.",
}


class Refusal(Denied):
    """The asker is known and may not do this, by a clause. ``text`` is the sentence in both languages."""

    def __init__(
        self,
        verdict: Verdict,
        right: Right,
        camera: str = "",
        version: str = "",
        clause: Clause | None = None,
        ask: tuple[Ask, ...] = (),
    ) -> None:
        words, sentence = RIGHT_WORDS[right], _SENTENCES[verdict]
        self.text = Text(sentence.vi.format(vi=words.vi), sentence.en.format(en=words.en))
        super().__init__(self.text.en)
        self.verdict = verdict
        self.right = right
        self.camera = camera
        self.version = version
        self.clause = clause
        self.ask = ask

    @property
    def remedy(self) -> str:
        """What to do about it."""
        named = "; ".join(f"{one.name} ({', '.join(one.posts)})" for one in self.ask[:3])
        ask = f"Ask {named} for a grant." if named else "Ask an administrator for a grant."
        return _REMEDIES.get(self.verdict, ask)
