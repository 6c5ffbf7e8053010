"""Clips as files: what the channel `training` of a job holds."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from training.data.speech.clips import Clip, Clips
from training.data.speech.sound import decode, encode
from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIST_FILE = "clips.csv"
COLUMNS = ("file", "label", "speaker")
CHANNEL = "channel 'training'"
# A word is also the name of a file that is written: its bytes, and what no name may have.
LONGEST_WORD = 200
_NOT_IN_A_WORD = set('/\\:*?"<>|')


class Entry(NamedTuple):
    """A file of the channel; `where` is what a person finds it by."""

    where: str
    file: Path
    word: str
    speaker: str


def read_channel(folder: Path, rate: int) -> Clips:
    """The clips that `clips.csv` lists, with the columns file, label and speaker; without it all
    `<word>/<speaker>_*.wav`.

    Raises InvalidData naming the file, or the line, and the reason.
    """
    listed = folder / LIST_FILE
    entries = list(_listed(folder, listed) if listed.exists() else _found(folder))
    if not entries:
        raise InvalidData(
            CHANNEL, expected=f"{LIST_FILE}, or files <word>/<speaker>_<any>.wav", got="none"
        )
    for where, _, word, _ in entries:
        _check_word(where, word)
    clips = Clips.of(
        [
            Clip(where, word, speaker, decode(file.read_bytes(), where, rate))
            for where, file, word, speaker in entries
        ]
    )
    if len(clips.classes) < 2:
        raise InvalidData(CHANNEL, expected="two words at least", got=f"'{clips.classes[0]}'")
    return clips


def write_channel(clips: Clips, folder: Path, rate: int) -> None:
    """`<word>/<speaker>_<number>.wav` at this rate, as `read_channel` finds them without a list.

    Raises InvalidData for a speaker whose name the file's cannot hold.
    """
    numbers: Counter[tuple[str, str]] = Counter()
    for clip in clips.clips:
        if not clip.speaker or set("_/") & set(clip.speaker):
            raise InvalidData(
                clip.where, expected="a speaker's name without _ and /", got=repr(clip.speaker)
            )
        place = (clip.word, clip.speaker)
        numbers[place] += 1
        file = folder / clip.word / f"{clip.speaker}_{numbers[place]:04}.wav"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(encode(clip.samples, rate))


def _check_word(where: str, word: str) -> None:
    if not word.isprintable() or _NOT_IN_A_WORD & set(word) or len(word.encode()) > LONGEST_WORD:
        raise InvalidData(
            where,
            expected=f"a word of at most {LONGEST_WORD} bytes, of what a file's name may have "
            f"(not {' '.join(sorted(_NOT_IN_A_WORD))})",
            got=repr(word),
        )


def _found(folder: Path) -> Iterator[Entry]:
    for file in sorted(folder.glob("*/*")):
        if file.suffix.lower() != ".wav":
            continue
        where = file.relative_to(folder).as_posix()
        speaker, separator, _ = file.stem.partition("_")
        if not (speaker and separator):
            raise InvalidData(where, expected="the name <speaker>_<any>.wav", got=file.name)
        yield Entry(where, file, file.parent.name, speaker)


def _listed(folder: Path, listed: Path) -> Iterator[Entry]:
    with listed.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.DictReader(opened)
        try:
            for column in COLUMNS:
                if column not in (header := reader.fieldnames or ()):
                    raise InvalidData(
                        f"{LIST_FILE}, line 1",
                        expected=f"a column '{column}'",
                        got=", ".join(header) or "nothing",
                    )
            for row in reader:
                yield _entry(folder, row, f"{LIST_FILE}, line {reader.line_num}")
        except (UnicodeDecodeError, csv.Error) as error:
            raise InvalidData(LIST_FILE, expected="CSV in UTF-8", got=str(error)) from None


def _entry(folder: Path, row: dict[str, str | None], where: str) -> Entry:
    name, word, speaker = ((row[column] or "").strip() for column in COLUMNS)
    for column, value in zip(COLUMNS, (name, word, speaker), strict=True):
        if not value:
            raise InvalidData(f"{where}, column '{column}'", expected="a value", got="none")
    file = folder / name
    if not file.resolve().is_relative_to(folder.resolve()) or not file.is_file():
        raise InvalidData(f"{where}, column 'file'", expected="a file of the channel", got=name)
    return Entry(f"{where}, {name}", file, word, speaker)
