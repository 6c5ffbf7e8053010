from __future__ import annotations

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
