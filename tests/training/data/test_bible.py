from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from training.data.bible import FILE, Verse, read_bible
from training.errors import InvalidData, MissingSystemPackage

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(not FILE.exists(), reason="make setup-training")
def test_every_verse_has_its_place() -> None:
    verses = read_bible()

    assert len(verses) == 31102
    assert len({verse.book for verse in verses}) == 66
    assert len({verse[:2] for verse in verses}) == 1189
    assert len({verse[:3] for verse in verses}) == 31102
    assert verses[0] == Verse("Ge", 1, 1, "In the beginning God created the heaven and the earth.")
    assert verses[-1].text == "The grace of our Lord Jesus Christ be with you all. Amen."
    assert sum(len(verse.text) for verse in verses) == 4106748


def test_what_to_install_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingSystemPackage, match=r"bible-kjv-text.*make setup-training"):
        read_bible(tmp_path / "bible.data")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(200)])
def test_another_format_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bible.data"
    file.write_bytes(content)

    with pytest.raises(InvalidData, match=r"bible\.data: expected the format EC02"):
        read_bible(file)


def of_blocks(*ends: int, blocks: bytes = b"") -> bytes:
    """A file's bytes as its header says where its blocks end."""
    head = struct.pack(">4s76s4xII", b"EC02", b"", 0, len(ends) - 1)
    return head + struct.pack(f">{len(ends)}I", *ends) + blocks


def packed(text: str) -> bytes:
    """LZW by `compress`, but for its first bytes: codes of nine bits, each a byte of the text."""
    bits = sum(byte << 9 * place for place, byte in enumerate(text.encode("latin-1")))
    return bits.to_bytes((9 * len(text) + 7) // 8, "little")


def one_block(text: str) -> bytes:
    block, start = packed(text), 100
    return of_blocks(start, start + len(block), blocks=block)


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (of_blocks(5000, 6000)[:92], "92 bytes"),
        (of_blocks(100, 6000), "100 bytes of 6,000"),
        (of_blocks(100, 200, blocks=b"\xff" * 100), "gzip: stdin: corrupt input"),
        (one_block("A title\nGe1:1 A caf\xe9."), "the byte 0xe9 in its text"),
        (one_block("A title\nGe1:1 In the beginning."), "1 verses of 31,102"),
    ],
)
def test_damaged_file_is_refused(tmp_path: Path, content: bytes, got: str) -> None:
    file = tmp_path / "bible.data"
    file.write_bytes(content)

    with pytest.raises(InvalidData, match=rf"bible\.data: .*got {got}.*; .*--reinstall bible-kjv"):
        read_bible(file)


def test_gzip_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "bible.data"
    file.write_bytes(one_block("A title\nGe1:1 In the beginning."))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MissingSystemPackage, match="'gzip'"):
        read_bible(file)
