"""What is refused beyond the gate, and what comes too late: a word of ours, a sentence in both languages for people."""

from __future__ import annotations

from khue.centre.access.refusals import Text
from khue.model.errors import Conflict, Denied

_WORDS: dict[str, Text] = {
    "own_request": Text("Không ai được tự trả lời đề nghị của mình.", "nobody decides about a request of their own"),
    "second_self": Text(
        "Người thứ hai phải là người khác với người đề nghị.",
        "the second person is another one than who asks",
    ),
    "second_blind": Text(
        "Người thứ hai phải biết mọi camera trong đề nghị.",
        "a second person knows every camera it is about",
    ),
    "nothing_to_hand_on": Text(
        "Bạn không giữ ủy quyền nào bao trùm tất cả và được ủy quyền lại; hãy cho ít hơn hoặc chuyển lên cấp trên.",
        "you hold no grant for all of this that you may hand on; give less, or leave it to those above",
    ),
    "wider_rights": Text(
        "Trả lời không được rộng hơn đề nghị: quyền.",
        "an answer is never wider than what was asked: rights",
    ),
    "wider_cameras": Text(
        "Trả lời không được rộng hơn đề nghị: camera.",
        "an answer is never wider than what was asked: cameras",
    ),
    "wider_purposes": Text(
        "Trả lời không được rộng hơn đề nghị: mục đích.",
        "an answer is never wider than what was asked: purposes",
    ),
    "wider_period": Text(
        "Trả lời không được rộng hơn đề nghị: thời hạn.",
        "an answer is never wider than what was asked: period",
    ),
    "not_your_post": Text("Bạn không giữ vị trí công tác đó.", "you do not hold that post"),
    "not_yours": Text("Chỉ người gửi mới được rút đề nghị.", "only who asked can withdraw a request"),
    "glass_defence": Text(
        "Quy chế không cho mở camera quốc phòng trong trường hợp khẩn cấp.",
        "the regulation opens no camera of defence in an emergency",
    ),
    "glass_self": Text(
        "Trường hợp khẩn cấp phải do người khác xác nhận.",
        "an emergency is confirmed by another person than who declared it",
    ),
    "glass_end": Text(
        "Chỉ hai người đã mở hoặc người quản lý các camera này được chấm dứt trường hợp khẩn cấp.",
        "an emergency is ended by the two who opened it, or by whoever decides about the cameras",
    ),
    "review_own": Text(
        "Không ai được hậu kiểm trường hợp khẩn cấp mà mình tham gia.",
        "nobody reviews an emergency they had part in",
    ),
    "review_elsewhere": Text(
        "Trường hợp khẩn cấp do người kiểm tra các camera đó hậu kiểm.",
        "an emergency is reviewed by an auditor of those cameras",
    ),
    "no_second": Text(
        "Quy chế không đòi người thứ hai ở đây; hãy tiếp tục.",
        "the regulation asks for no second person here; go on",
    ),
    "decided": Text("Đề nghị đã được trả lời hoặc đã hết hạn.", "it was decided already, or is over"),
    "post_left": Text(
        "Người đề nghị không còn giữ vị trí công tác đó; hãy từ chối.",
        "whoever asked no longer holds the post it was asked for; refuse it",
    ),
    "period_over": Text("Thời gian đề nghị đã qua; hãy từ chối.", "the period that was asked for is over; refuse it"),
    "too_many": Text(
        "Bạn đang có 100 đề nghị chưa trả lời; hãy chờ hoặc rút bớt.",
        "100 requests of yours are open; wait for answers or withdraw some",
    ),
    "glass_too_many": Text(
        "Bạn đang có 5 trường hợp khẩn cấp; hãy chấm dứt bớt.",
        "5 emergencies of yours are open; end one first",
    ),
    "glass_late": Text(
        "Trường hợp này đã được xác nhận hoặc đã quá hạn xác nhận; hãy khai báo lại.",
        "it was confirmed already, or nobody did in time; declare it again",
    ),
    "glass_post_left": Text(
        "Người khai báo không còn giữ vị trí công tác đó.",
        "whoever declared it no longer holds that post",
    ),
    "glass_over": Text("Trường hợp khẩn cấp đã chấm dứt.", "it is over already"),
    "review_early": Text(
        "Trường hợp khẩn cấp còn hiệu lực; hãy hậu kiểm sau khi chấm dứt.",
        "it is still in force; review it when it is over, or end it first",
    ),
    "review_none": Text(
        "Không có gì để hậu kiểm hoặc đã hậu kiểm.",
        "there is nothing to review, or it was reviewed already",
    ),
    "no_regulation": Text(
        "Chưa có Quy chế nào có hiệu lực; quản trị viên cần cho hiệu lực một phiên bản.",
        "no regulation is in force; an administrator activates one",
    ),
}


class Declined(Denied):
    """Whoever asks is known and may not do this. ``text`` is the sentence in both languages."""

    def __init__(self, word: str) -> None:
        self.text = _WORDS[word]
        super().__init__(self.text.en)


class TooLate(Conflict):
    """It is no longer, or not yet, as whoever asks supposes. ``text`` is the sentence in both languages."""

    def __init__(self, word: str) -> None:
        self.text = _WORDS[word]
        super().__init__(self.text.en)
