from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from training.data.texts.channel import read_channel
from training.errors import InvalidData

if TYPE_CHECKING:
    from pathlib import Path


def test_tables_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("label,text\nno,last\n")
    (tmp_path / "a.csv").write_bytes(
        '\ufefftext,id,label\n"two\nlines, quoted",1,yes\n\nGrün,2, no \n'.encode()
    )

    corpus = read_channel(tmp_path)

    assert corpus.texts == ("two\nlines, quoted", "Grün", "last")
    assert corpus.classes == ("no", "yes")
    assert corpus.labels.tolist() == [1, 0, 0]


def test_a_folder_is_a_class(tmp_path: Path) -> None:
    for name, text in {"wet/1.txt": "rain", "dry/2.txt": "sun", "dry/1.txt": "dust"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    corpus = read_channel(tmp_path)

    assert corpus.texts == ("dust", "sun", "rain")
    assert [corpus.classes[label] for label in corpus.labels] == ["dry", "dry", "wet"]


def test_stated_classes_keep_their_order(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nrain,wet\nsun,dry\n")

    assert read_channel(tmp_path, ("wet", "dry", "frozen")).labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.csv, line 1: expected one column 'text', got an empty file"),
        (b"text,kind\n", "a.csv, line 1: expected one column 'label', got the columns text, kind"),
        (b"text,label\nx,wet\ny\n", "a.csv, row 2 below the header: expected 2 values, got 1"),
        (b"text,label\nx, \n", "a.csv, row 1 below the header: expected a label, got none"),
        (b"text,label\nx,hot\n", "a.csv, row 1 below the header: expected a label of wet, dry"),
        (b"text,label\n\xff,wet\n", "a.csv, line 1: expected CSV in UTF-8"),
        (b'text,label\n"x"y,wet\n', "a.csv, line 3: expected CSV in UTF-8"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)

    with pytest.raises(InvalidData) as caught:
        read_channel(tmp_path, ("wet", "dry"))

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\n", "expected two classes at least, got no rows"),
        ("text,label\nx,wet\ny,wet\n", "expected two classes at least, got 'wet'"),
    ],
)
def test_one_class_is_no_choice(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(content)

    with pytest.raises(InvalidData, match=message):
        read_channel(tmp_path)


def test_an_empty_channel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"channel .training.: expected a \.csv file"):
        read_channel(tmp_path)
