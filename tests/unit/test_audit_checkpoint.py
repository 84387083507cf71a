"""Checkpoints and keys as C2SP writes them: what others signed is understood, and nothing that was touched is believed."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from khue.model.checkpoint import Checkpoint, LogKey, Signed, Signer, parse_checkpoint, parse_key
from khue.model.errors import AuditError

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_ROOT = bytes(range(32, 64))


def test_a_note_another_program_signed() -> None:
    """The example of golang.org/x/mod/sumdb/note."""
    key = parse_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    told = parse_checkpoint(f"o\n1\n{'A' * 43}=\n\n\u2014 PeterNeumann {line}\n").signatures
    assert key.signed(Signed(Checkpoint("", 0, b""), text, told))
    assert not key.signed(Signed(Checkpoint("", 0, b""), text + "!", told))


def test_a_key_of_another_log() -> None:
    written = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert parse_key(written).text == written


def test_what_is_signed_is_read_back() -> None:
    signer = Signer("khue/audit", _KEY)
    signed = signer.sign(42, _ROOT)
    assert signed.note.split("\n")[:3] == ["khue/audit", "42", "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="]
    assert parse_checkpoint(signed.note) == signed
    assert signer.public.signed(signed)
    assert parse_key(signer.public.text) == signer.public


@pytest.mark.parametrize(("old", "new"), [("42", "43"), ("khue/audit\n42", "khue/audis\n42"), ("ICEi", "ICEj")])
def test_whatever_was_touched_is_not_signed(old: str, new: str) -> None:
    signer = Signer("khue/audit", _KEY)
    touched = parse_checkpoint(signer.sign(42, _ROOT).note.replace(old, new, 1))
    assert not signer.public.signed(touched)


def test_the_key_counts_and_not_its_name() -> None:
    forged = Signer("khue/audit", Ed25519PrivateKey.generate()).sign(42, _ROOT)
    honest = Signer("khue/audit", _KEY)
    assert not honest.public.signed(forged)
    id_of_the_other = Signed(
        forged.checkpoint, forged.text, (("khue/audit", honest.public.id + forged.signatures[0][1][4:]),)
    )
    assert not honest.public.signed(id_of_the_other)
    right = honest.sign(42, _ROOT)
    assert not honest.public.signed(Signed(right.checkpoint, right.text, (("another", right.signatures[0][1]),)))
    both = Signed(forged.checkpoint, forged.text, (*forged.signatures, *honest.sign(42, _ROOT).signatures))
    assert honest.public.signed(parse_checkpoint(both.note))


@pytest.mark.parametrize(
    "note",
    [
        "",
        "khue/audit\n42\n",
        "khue/audit\n42\nICEi\n\n\u2014 a AAAAAAAA\n",
        f"khue/audit\n042\n{'A' * 43}=\n\n\u2014 a AAAAAAAA\n",
        f"khue/audit\n-1\n{'A' * 43}=\n\n\u2014 a AAAAAAAA\n",
        f"khue/audit\n42\n{'A' * 43}=\n\n",
        f"khue/audit\n42\n{'A' * 43}=\n\n- a AAAAAAAA\n",
        f"khue/audit\n42\n{'A' * 43}=\n\n\u2014 a AAAA\n",
        f"khue/audit\n42\n{'A' * 43}=\n\n\u2014 a b c\n",
    ],
)
def test_what_is_no_checkpoint(note: str) -> None:
    with pytest.raises(AuditError):
        parse_checkpoint(note)


@pytest.mark.parametrize(
    "text", ["", "a", "a+b+c", "a+00000000+AAAA", "a b+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"]
)
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(AuditError):
        parse_key(text)
    with pytest.raises(AuditError):
        Signer("a b", _KEY)
    assert isinstance(LogKey("a", bytes(32)).id, bytes)
