"""Texts to learn a language from: the Bible's chapters, or the files of a channel."""

from __future__ import annotations

import csv
import hashlib
import itertools
import re
from typing import TYPE_CHECKING, NamedTuple

from training.data.bible import read_bible
from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

COLUMN = "text"
# A file's parts between blank lines are put together until they have as many characters.
PART = 2000
LARGEST_FIELD = 10_000_000
_BLANK = re.compile(r"\n\s*\n")


class Document(NamedTuple):
    """A text that stands for itself, and where it was found."""

    where: str
    text: str


def bible_chapters() -> list[Document]:
    """The chapters of the King James Bible, a line for each verse. Raises MissingSystemPackage."""
    grouped = itertools.groupby(read_bible(), key=lambda verse: (verse.book, verse.chapter))
    return [
        Document(f"{book} {chapter}", "\n".join(verse.text for verse in verses))
        for (book, chapter), verses in grouped
    ]


def read_channel(folder: Path) -> list[Document]:
    """The rows of all `*.csv` files, by their column `text`, and then all `*.txt` files, in the
    order of their names.

    A text file is cut at blank lines into parts of `PART` characters or more. Raises InvalidData
    naming the file, the line and what is wrong with it.
    """
    tables, files = (sorted(folder.glob(f"*.{kind}")) for kind in ("csv", "txt"))
    if not tables and not files:
        raise InvalidData(
            "channel 'training'",
            expected=f"a .txt file, or a .csv file with a column '{COLUMN}'",
            got="neither",
        )
    return [
        *itertools.chain.from_iterable(map(_rows, tables)),
        *itertools.chain.from_iterable(map(_parts, files)),
    ]


def write_channel(documents: Sequence[Document], file: Path) -> None:
    """A table that `read_channel` takes, a row for each. A text file might be cut at its blank
    lines, and of many the names would have to keep the order."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        # All: left alone, a carriage return in a text would end its row.
        writer = csv.writer(opened, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(("where", COLUMN))
        writer.writerows(documents)


def digest(documents: Sequence[Document]) -> str:
    """`sha256:<hex>` of the texts, wherever they were read from."""
    found = hashlib.sha256("\0".join(document.text for document in documents).encode())
    return f"sha256:{found.hexdigest()}"


def _rows(table: Path) -> Iterator[Document]:
    csv.field_size_limit(LARGEST_FIELD)
    with table.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.reader(opened, strict=True)
        try:
            header = next(reader, [])
            if header.count(COLUMN) != 1:
                raise InvalidData(
                    f"{table.name}, line 1",
                    expected=f"one column '{COLUMN}'",
                    got=f"the columns {', '.join(header)}" if header else "an empty file",
                )
            place = header.index(COLUMN)
            for cells in filter(None, reader):
                where = f"{table.name}, line {reader.line_num}"
                if len(cells) != len(header):
                    raise InvalidData(where, expected=f"{len(header)} values", got=f"{len(cells)}")
                yield Document(where, cells[place])
        except (UnicodeDecodeError, csv.Error) as error:
            where = f"{table.name}, line {reader.line_num + 1}"
            raise InvalidData(where, expected="CSV in UTF-8", got=str(error)) from None


def _parts(file: Path) -> Iterator[Document]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidData(file.name, expected="text in UTF-8", got=str(error)) from None
    part, first, line = "", 1, 1
    for paragraph in _paragraphs(text):
        if not part:
            first = line
        part += paragraph
        line += paragraph.count("\n")
        if len(part) >= PART:
            yield Document(f"{file.name}, line {first}", part)
            part = ""
    if part.strip():
        yield Document(f"{file.name}, line {first}", part)


def _paragraphs(text: str) -> Iterator[str]:
    """Each with the blank lines that follow it: together they are the text."""
    start = 0
    for blank in _BLANK.finditer(text):
        yield text[start : blank.end()]
        start = blank.end()
    yield text[start:]
