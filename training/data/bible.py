"""The King James Bible of Debian's `bible-kjv-text`, verse by verse."""

from __future__ import annotations

import itertools
import re
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

from training.errors import InvalidData, MissingSystemPackage

PACKAGE = "bible-kjv-text"
FILE = Path("/usr/lib/bible.data")

_MAGIC = b"EC02"
# Big-endian: after a title of 80 bytes what is not used here, the size of a block of text, the
# number of blocks, where each begins, and where the last one ends.
_HEADER = struct.Struct(">4s76s4xII")
# Each block is what `compress` writes, but for these three bytes, which it has in common.
_COMPRESS = b"\x1f\x9d\x90"
_VERSES = 31102
_VERSE = re.compile(r"(\d?[A-Za-z]+)(\d+):(\d+) (.+)")


class Verse(NamedTuple):
    """`book` is its short name there (`Ge`, `1Sm`, `Rev`); chapter and verse count from 1."""

    book: str
    chapter: int
    verse: int
    text: str


def read_bible(file: Path = FILE) -> list[Verse]:
    """All verses, 31,102 of them, in their order.

    Raises MissingSystemPackage without the file or gzip, InvalidData for one of another format
    and for one that is damaged.
    """
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        raise MissingSystemPackage(PACKAGE) from None
    # The first line is a title.
    lines = _text(raw, file.name).splitlines()[1:]
    verses = [_verse(line, f"{file.name}, line {number}") for number, line in enumerate(lines, 2)]
    if len(verses) != _VERSES:
        raise _damaged(file.name, f"{len(verses):,} verses of {_VERSES:,}")
    return verses


def _text(raw: bytes, name: str) -> str:
    if len(raw) < _HEADER.size or raw[:4] != _MAGIC:
        raise InvalidData(
            name, expected=f"the format {_MAGIC.decode()} of {PACKAGE}", got=repr(raw[:4])
        )
    *_, blocks = _HEADER.unpack_from(raw)
    try:
        ends = struct.unpack_from(f">{blocks + 1}I", raw, _HEADER.size)
    except struct.error:
        raise _damaged(name, f"{len(raw):,} bytes") from None
    if ends[-1] > len(raw):
        raise _damaged(name, f"{len(raw):,} bytes of {ends[-1]:,}")
    parts = [_unpacked(raw[start:end], name) for start, end in itertools.pairwise(ends)]
    try:
        return b"".join(parts).decode("ascii")
    except UnicodeDecodeError as error:
        raise _damaged(name, f"the byte {error.object[error.start]:#x} in its text") from None


def _unpacked(block: bytes, name: str) -> bytes:
    try:
        # Python reads no LZW; gzip does, and every Debian has it.
        done = subprocess.run(
            ["gzip", "-dc"], input=_COMPRESS + block, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise MissingSystemPackage("gzip") from None
    if done.returncode:
        raise _damaged(name, done.stderr.decode(errors="replace").strip())
    return done.stdout


def _damaged(name: str, got: str) -> InvalidData:
    return InvalidData(
        name,
        expected=f"the file as {PACKAGE} has it",
        got=f"{got}; install it again: apt-get install --reinstall {PACKAGE}",
    )


def _verse(line: str, where: str) -> Verse:
    if (match := _VERSE.fullmatch(line)) is None:
        raise InvalidData(where, expected="book, chapter:verse and text", got=repr(line[:40]))
    book, chapter, verse, text = match.groups()
    return Verse(book, int(chapter), int(verse), text)
