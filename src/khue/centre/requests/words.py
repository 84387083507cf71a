"""What people are told, in both languages. No sentence names a camera: who reads it may not know of it. Pure."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Iterable

import msgspec

from khue.centre.access.refusals import RIGHT_WORDS, Text
from khue.centre.access.rules import Right


class Facts(msgspec.Struct, frozen=True):
    """Of a request or an emergency: who asks, from which agency ("" for none), for what; times in the city's zone."""

    who: str
    agency: str
    rights: tuple[str, ...]
    purpose: str
    timezone: str


_SENTENCES: dict[str, Text] = {
    "request_new": Text(
        "{who} đề nghị {rights_vi} cho mục đích {purpose}. Hạn trả lời: {at}.",
        "{who} asks for {rights_en}, for {purpose}. An answer is due by {at}.",
    ),
    "request_reminder": Text(
        "Đề nghị của {who} ({rights_vi}) chưa được trả lời, sẽ hết hạn lúc {at}.",
        "The request of {who} ({rights_en}) has not been answered and lapses at {at}.",
    ),
    "request_above": Text(
        "Cơ quan chủ quản chưa trả lời đề nghị của {who} ({rights_vi}), sẽ hết hạn lúc {at}.",
        "The owner has not answered the request of {who} ({rights_en}), which lapses at {at}.",
    ),
    "request_approved": Text(
        "Đề nghị {rights_vi} của bạn đã được chấp thuận, có hiệu lực đến {at}.",
        "Your request for {rights_en} was approved until {at}.",
    ),
    "request_narrowed": Text(
        "Đề nghị {rights_vi} của bạn được chấp thuận một phần, có hiệu lực đến {at}.",
        "Your request for {rights_en} was approved in part until {at}.",
    ),
    "request_refused": Text(
        "Đề nghị {rights_vi} của bạn bị từ chối: {said}", "Your request for {rights_en} was refused: {said}"
    ),
    "request_withdrawn": Text("{who} đã rút đề nghị {rights_vi}.", "{who} has withdrawn the request for {rights_en}."),
    "request_lapsed": Text(
        "Đề nghị {rights_vi} của bạn đã quá hạn mà không có trả lời.",
        "Your request for {rights_en} lapsed without an answer.",
    ),
    "second_new": Text(
        "{who} cần người thứ hai đồng ý để {rights_vi}, mục đích {purpose}. Hạn trả lời: {at}.",
        "{who} needs a second person's word for {rights_en}, for {purpose}, by {at}.",
    ),
    "second_given": Text(
        "Người thứ hai đã đồng ý để bạn {rights_vi}, có hiệu lực đến {at}.",
        "A second person has agreed to {rights_en}; it holds until {at}.",
    ),
    "emergency_waiting": Text(
        "Khẩn cấp: {who} cần người thứ hai xác nhận để {rights_vi} trước {at}. Lý do: {said}",
        "Emergency: {who} needs a second person to confirm {rights_en} before {at}. Reason: {said}",
    ),
    "emergency_opened": Text(
        "Khẩn cấp: {who} được {rights_vi} đến {at}. Lý do: {said}",
        "Emergency: {who} has been given {rights_en} until {at}. Reason: {said}",
    ),
    "emergency_confirmed": Text(
        "Trường hợp khẩn cấp của bạn đã được xác nhận, có hiệu lực đến {at}. Nêu mục đích khẩn cấp khi xem.",
        "Your emergency was confirmed and holds until {at}. State the purpose emergency when you watch.",
    ),
    "emergency_ended": Text(
        "Trường hợp khẩn cấp của {who} đã chấm dứt. {said}", "The emergency of {who} has ended. {said}"
    ),
    "emergency_lapsed": Text(
        "Trường hợp khẩn cấp của bạn không được ai xác nhận kịp và đã hủy.",
        "Nobody confirmed your emergency in time; it was given up.",
    ),
    "emergency_review": Text(
        "Trường hợp khẩn cấp của {who} chưa được hậu kiểm. Hạn: {at}.",
        "The emergency of {who} has not been reviewed; that is due by {at}.",
    ),
    "emergency_overdue": Text(
        "Việc hậu kiểm trường hợp khẩn cấp của {who} đã quá hạn từ {at}.",
        "The review of the emergency of {who} has been overdue since {at}.",
    ),
    "emergency_justified": Text(
        "Hậu kiểm: trường hợp khẩn cấp của {who} là có căn cứ. {said}",
        "Review: the emergency of {who} was justified. {said}",
    ),
    "emergency_unjustified": Text(
        "Hậu kiểm: trường hợp khẩn cấp của {who} là không có căn cứ. {said}",
        "Review: the emergency of {who} was not justified. {said}",
    ),
}
KINDS = frozenset(_SENTENCES)
_SAID = 300  # characters of what somebody wrote


def sentence(
    kind: str, facts: Facts, *, at: dt.datetime | None = None, said: str = "", purpose: Text | None = None
) -> Text:
    """``at`` is the instant the sentence speaks of, ``said`` what somebody wrote, ``purpose`` the regulation's word for it."""
    form = _SENTENCES[kind]
    who = f"{facts.who} ({facts.agency})" if facts.agency else facts.who
    when = "" if at is None else f"{at.astimezone(zoneinfo.ZoneInfo(facts.timezone)):%H:%M %d/%m/%Y}"
    short = said if len(said) <= _SAID else said[: _SAID - 1] + "…"
    named = purpose or Text(facts.purpose, facts.purpose)
    words = {"who": who, "at": when, "said": short.strip()}
    words |= {"rights_vi": _listed(facts.rights, "vi"), "rights_en": _listed(facts.rights, "en")}
    return Text(
        form.vi.format(purpose=named.vi, **words).strip(),
        form.en.format(purpose=named.en, **words).strip(),
    )


def _listed(rights: Iterable[str], language: str) -> str:
    names = [getattr(RIGHT_WORDS[right], language) for right in Right if right in rights]
    return ", ".join(names)
