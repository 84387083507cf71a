"""What the books' text is stored as is what other programs store: checked against Python's and glibc's own tables."""

from __future__ import annotations

import shutil
import subprocess
import unicodedata

import pytest

from khue.sim.fleet.places import units
from khue.sim.fleet.spelling import Spelling, fold, slug

_ALL = "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵĂÂĐÊÔƠƯ"
_TEXT = "Ngã tư Khuất Duy Tiến, phường Hòa Xá, đường Thủy Nguyên, Ứng Hòa"


@pytest.mark.skipif(shutil.which("iconv") is None, reason="needs glibc's iconv")
def test_tcvn3_is_glibcs_tcvn_5712() -> None:
    asked = subprocess.run(
        ["iconv", "-f", "UTF-8", "-t", "TCVN5712-1"], input=_ALL.encode(), capture_output=True, check=True
    )
    assert Spelling.TCVN3.write(_ALL).encode("latin-1") == asked.stdout


def test_tcvn3_keeps_capitals_only_without_tone() -> None:
    assert Spelling.TCVN3.write("Ứng Hòa, Đống Đa") == Spelling.TCVN3.write("ứng Hòa, Đống Đa")
    assert Spelling.TCVN3.read("Ứng Hòa, Ô Chợ Dừa") == "ứng Hòa, Ô Chợ Dừa"


def test_vni_is_as_people_know_it() -> None:
    assert Spelling.VNI.write("Xin chào các bạn") == "Xin chaøo caùc baïn"
    assert Spelling.VNI.write("Phường Ỷ La, đường Nghĩa Đô, kỳ, ỵ") == "Phöôøng YÛ La, ñöôøng Nghóa Ñoâ, kyø, î"
    assert Spelling.VNI.write(_ALL).encode("cp1252")


def test_cp1258_reads_back() -> None:
    names = " ".join(unit.name for unit in units().values())
    for text in (_ALL, _TEXT, names):
        stored = Spelling.CP1258.write(text).encode("cp1258")
        assert unicodedata.normalize("NFC", stored.decode("cp1258")) == text


def test_marks_move_to_the_other_place_and_nothing_else_does() -> None:
    assert Spelling.OTHER_PLACE.write("Hòa Thủy khóe quý Loan hoàng") == "Hoà Thuỷ khoé quý Loan hoàng"
    assert fold(Spelling.OTHER_PLACE.write(_TEXT)) == fold(_TEXT)


@pytest.mark.parametrize("spelling", [Spelling.COMPOSED, Spelling.DECOMPOSED])
def test_unicode_forms_read_back(spelling: Spelling) -> None:
    assert unicodedata.normalize("NFC", spelling.write(_TEXT)) == _TEXT == spelling.read(_TEXT)


def test_an_id_is_the_name_without_marks() -> None:
    assert slug("Công an phường Kim Liên") == "cong-an-phuong-kim-lien"
