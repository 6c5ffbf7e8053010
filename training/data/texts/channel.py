"""A user's own texts: what the channel `training` of a job holds."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from training.data.texts.corpus import Corpus
from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

COLUMNS = ("text", "label")
LARGEST_FIELD = 1_000_000


class _Labelled(NamedTuple):
    where: str
    text: str
    label: str


def read_channel(folder: Path, classes: Sequence[str] = (), otherwise: str = "") -> Corpus:
    """The rows of all `*.csv` files with columns `text` and `label`, or, where there are none, all
    `<class>/*.txt`, a text each; in the order of the files' names.

    Without `classes` they are the labels that are found, in alphabetical order. Raises InvalidData
    naming the file, the line and what is wrong with it; `otherwise` says what to do about a label
    that is none of the classes.
    """
    tables = sorted(folder.glob("*.csv"))
    files = sorted(folder.glob("*/*.txt"))
    if not tables and not files:
        raise InvalidData(
            "channel 'training'",
            expected="a .csv file with columns text and label, or a folder of .txt files for "
            "each class",
            got="neither",
        )
    found = list(_rows(tables) if tables else _files(files))
    names = tuple(classes) or tuple(sorted({row.label for row in found}))
    places = {name: place for place, name in enumerate(names)}
    for row in found:
        if row.label not in places:
            expected = f"a label of {', '.join(names)}{otherwise}"
            raise InvalidData(row.where, expected=expected, got=repr(row.label))
    if len(names) < 2:
        got = ", ".join(map(repr, names)) or "no rows"
        raise InvalidData("channel 'training'", expected="two classes at least", got=got)
    labels = np.array([places[row.label] for row in found], np.int64)
    return Corpus(tuple(row.text for row in found), labels, names)


def write_channel(corpus: Corpus, file: Path) -> None:
    """A table that `read_channel` takes, in the corpus's order."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        # All: left alone, a carriage return in a text would end its row.
        writer = csv.writer(opened, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(COLUMNS)
        for text, label in zip(corpus.texts, corpus.labels.tolist(), strict=True):
            writer.writerow((text, corpus.classes[label]))


def _rows(tables: Sequence[Path]) -> Iterator[_Labelled]:
    csv.field_size_limit(LARGEST_FIELD)
    for table in tables:
        with table.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.reader(opened, strict=True)
            try:
                yield from _table(table.name, reader)
            except (UnicodeDecodeError, csv.Error) as error:
                where = f"{table.name}, line {reader.line_num + 1}"
                raise InvalidData(where, expected="CSV in UTF-8", got=str(error)) from None


def _table(name: str, reader: Iterator[list[str]]) -> Iterator[_Labelled]:
    header = next(reader, [])
    for column in COLUMNS:
        if header.count(column) != 1:
            got = f"the columns {', '.join(header)}" if header else "an empty file"
            raise InvalidData(f"{name}, line 1", expected=f"one column '{column}'", got=got)
    text, label = (header.index(column) for column in COLUMNS)
    for number, cells in enumerate(reader, start=1):
        if not cells:
            continue
        where = f"{name}, row {number} below the header"
        if len(cells) != len(header):
            raise InvalidData(where, expected=f"{len(header)} values", got=f"{len(cells)}")
        if not cells[label].strip():
            raise InvalidData(where, expected="a label", got="none")
        yield _Labelled(where, cells[text], cells[label].strip())


def _files(files: Sequence[Path]) -> Iterator[_Labelled]:
    for file in files:
        where = f"{file.parent.name}/{file.name}"
        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidData(where, expected="text in UTF-8", got=str(error)) from None
        yield _Labelled(where, text, file.parent.name)
