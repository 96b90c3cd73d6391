"""Text whose bytes Python could not decode, read back; what is a text is in test_kinds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_kimi.sniff.text import is_well_formed, read_back, reread


@given(st.text(), st.sampled_from(["ascii", "utf-8"]))
def test_utf_8_in_a_locale_without_it(text: str, encoding: str) -> None:
    assert read_back(text.encode().decode(encoding, "surrogateescape")) == text


@pytest.mark.parametrize("text", ["日本語”", "“x”", "日本 and größe\nÜ”"])
def test_utf_8_decoded_as_a_code_page(text: str) -> None:
    decoded = text.encode().decode("cp1252", "surrogateescape")
    assert not is_well_formed(decoded)
    assert read_back(decoded) is None
    assert read_back(decoded, ["ascii", "cp1252"]) == text


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp437"])
def test_utf_8_of_which_every_byte_is_a_letter_elsewhere(encoding: str) -> None:
    decoded = "日本 größe".encode().decode(encoding)
    assert reread(decoded, encoding) == "日本 größe"
    assert reread("größe, déjà vu", encoding) == "größe, déjà vu"
    assert reread("plain", encoding) == "plain"


def test_stdin_and_arguments_in_different_encodings() -> None:
    """llm joins them with a blank."""
    piped = "日本”".encode().decode("cp1252", "surrogateescape")
    assert read_back(f"{piped} größe 本", ["cp1252"]) == "日本” größe 本"


@pytest.mark.parametrize("text", ["caf\udce9", "a\ud83d", "\ude00", "caf\udce9 \udce6\udc97\udca5"])
def test_what_is_not_utf_8(text: str) -> None:
    assert read_back(text, ["ascii", "cp1252", "no-such-encoding"]) is None


def test_two_halves_of_a_character() -> None:
    assert read_back("a \ud83d\ude00") == "a 😀"
