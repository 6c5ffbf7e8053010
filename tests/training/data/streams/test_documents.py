from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.training.data.streams.texts import texts, write_table
from training.data.bible import FILE
from training.data.streams.documents import (
    PART,
    bible_chapters,
    read_channel,
)
from training.errors import InvalidData

if TYPE_CHECKING:
    from pathlib import Path

needs_bible = pytest.mark.skipif(not FILE.exists(), reason="make setup-training")


@needs_bible
def test_a_chapter_has_a_line_for_each_verse() -> None:
    chapters = bible_chapters()

    assert len(chapters) == 1189
    assert chapters[0].where == "Ge 1"
    assert chapters[0].text.count("\n") == 30
    assert chapters[-1].text.endswith("Lord Jesus Christ be with you all. Amen.")


def test_a_table_has_a_text_in_each_row(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text('source,text\nx,"one\ntwo"\n\ny,three\n')
    write_table(["zero"], tmp_path / "a.csv")

    found = read_channel(tmp_path)

    assert [document.text for document in found] == ["zero", "one\ntwo", "three"]
    assert [document.where for document in found] == [
        "a.csv, line 2",
        "b.csv, line 3",
        "b.csv, line 5",
    ]


def test_a_text_file_is_cut_between_paragraphs(tmp_path: Path) -> None:
    paragraphs = texts(60)
    whole = "\n\n".join(paragraphs)
    (tmp_path / "a.txt").write_text(whole)

    found = read_channel(tmp_path)

    assert "".join(document.text for document in found) == whole
    assert len(found) > 2
    assert all(len(document.text) >= PART for document in found[:-1])
    assert all(document.text.startswith("And the") for document in found)
    assert found[0].where == "a.txt, line 1"
    before = found[0].text.count("\n")
    assert found[1].where == f"a.txt, line {before + 1}"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", r"a\.csv, line 1: expected one column 'text', got an empty file"),
        ("a.csv", b"body\nx\n", r"a\.csv, line 1: .*got the columns body"),
        ("a.csv", b"text,label\nx\n", r"a\.csv, line 2: expected 2 values, got 1"),
        ("a.csv", b"text\n\xff\n", r"a\.csv.*expected CSV in UTF-8"),
        ("a.csv", b'text\n"x\n', r"a\.csv.*expected CSV in UTF-8"),
        ("a.txt", b"\xff", r"a\.txt: expected text in UTF-8"),
        ("a.pdf", b"x", r"channel 'training': expected a \.txt file, or a \.csv file"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(InvalidData, match=message):
        read_channel(tmp_path)
