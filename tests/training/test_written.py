"""A recipe's own data, written as a channel's files and read back."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.training.data.speech.tones import clip
from training import written
from training.data.bible import FILE, Verse
from training.data.images import dataset as images
from training.data.images.digits import read_digits
from training.data.speech import dataset as speech
from training.data.speech import espeak
from training.data.speech.clips import Clips
from training.data.streams import documents
from training.data.texts import sources
from training.errors import (
    InvalidData,
    InvalidSetting,
    MissingPackage,
    MissingSystemPackage,
    OutputRefused,
)
from training.families.opening import open_family
from training.recipe import load
from training.written import write_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# What a careless writer or reader of CSV would lose or change.
ENDS = ("", ".", ' "so",', " \u00e9\u4e16", "\n\nafter a blank line", "\rafter", "  ")
# By word, of half of the speakers.
VOICES = ("robosoft", "mr serious", "storm  (en-us 5)", "f")
SETTINGS = {
    "decoder": {"vocabulary": "300", "context": "16"},
    "regression": {},
    "speech": {"sample_rate": "4000", "seconds": "0.25", "noise_db_low": "0"},
    "tabular": {"source": "wine", "components": "0"},
    "text": {"vocabulary": "300"},
    "vision": {"colors": "rgb", "image_size": "16"},
}


def verses() -> list[Verse]:
    """Of 66 books of two chapters."""
    return [
        Verse(f"B{book}", chapter, verse, f"In {book} the {verse} of {chapter}{ENDS[book % 7]}")
        for book, chapter, verse in itertools.product(range(66), (1, 2), (1, 2, 3))
    ]


def spoken(clips_per_voice: int, rate: int, seed: int) -> Clips:
    """Tones in the place of ten words."""
    del rate, seed
    return Clips.of(
        [
            clip("low", voice, 10 * number + place)._replace(word=word)
            for place, word in enumerate(espeak.DIGITS)
            for voice in VOICES
            for number in range(clips_per_voice)
        ]
    )


def few_digits() -> tuple[Any, Any]:
    pictures, labels = read_digits()
    return pictures[:200], labels[:200]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much of each recipe's data as shows the way of it, and no program that is asked for it."""
    monkeypatch.setattr(documents, "read_bible", verses)
    monkeypatch.setattr(sources, "read_bible", verses)
    monkeypatch.setattr(speech, "spoken_digits", spoken)
    monkeypatch.setattr(speech, "unseen_clips", lambda *_: None)
    monkeypatch.setattr(images, "read_digits", few_digits)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_written_trains_the_same(name: str, tmp_path: Path):
    found = write_data(name, SETTINGS[name], tmp_path / "new" / "folder")

    family = open_family(load(name, SETTINGS[name]))
    own, read = family.read(None), family.read(found.folder)
    assert found.digest == own.digest == read.digest
    assert own.classes == read.classes
    assert own.report.document() == read.report.document()
    for split, rows in own.splits().items():
        numbers = np.arange(len(rows))
        assert len(rows) > 0
        for mine, theirs in zip(
            rows.take(numbers), read.splits()[split].take(numbers), strict=True
        ):
            np.testing.assert_array_equal(mine, theirs, strict=True)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("name", "files", "one"),
    [
        ("decoder", 1, "bible.csv"),
        ("speech", 10 * 4 * 4, "nine/mr serious_0004.wav"),
        ("tabular", 1, "wine.csv"),
        ("text", 1, "bible.csv"),
        ("vision", 200, "9/000001.png"),
    ],
)
def test_files_are_counted(name: str, files: int, one: str, tmp_path: Path):
    found = write_data(name, SETTINGS[name], tmp_path)
    there = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert (found.recipe, found.files) == (name, len(there)) == (name, files)
    assert found.bytes == sum(path.stat().st_size for path in there)
    assert (tmp_path / one).is_file()


@pytest.mark.parametrize("name", ["decoder", "regression", "tabular", "text", "vision"])
def test_the_card_speaks_of_the_recipes_own_data(name: str, tmp_path: Path):
    """What speech speaks of is as its version of espeak-ng says it."""
    if name in {"decoder", "text"} and not FILE.exists():
        pytest.skip("make setup-training")
    recipe = load(name, {})
    assert open_family(recipe).write_data(tmp_path) == recipe.card.data_digest


def test_folder_that_is_not_empty_is_left_alone(tmp_path: Path):
    (tmp_path / "mine.csv").write_text("a")
    with pytest.raises(OutputRefused, match=r"got '.*': there is something in it"):
        write_data("regression", {}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


def test_file_is_no_folder(tmp_path: Path):
    (tmp_path / "file").write_text("a")
    with pytest.raises(OutputRefused, match="File exists"):
        write_data("regression", {}, tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "settings", "known"),
    [
        ("speech", {"source": "clips"}, r"\(spoken_digits\), got clips"),
        ("text", {"source": "texts"}, r"\(bible\), got texts"),
        ("vision", {"source": "folders"}, r"\(digits\), got folders"),
        ("regression", {"label": "price"}, r"\(diabetes\), got table"),
    ],
)
def test_what_a_channel_brings_the_recipe_has_not(
    name: str, settings: dict[str, str], known: str, tmp_path: Path
):
    with pytest.raises(InvalidSetting, match=f"whose data the recipe brings itself {known}"):
        write_data(name, settings, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_program_is_named_and_another_try_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(espeak, "PROGRAM", "no-such-program")
    for _ in range(2):
        with pytest.raises(MissingSystemPackage, match="'no-such-program', which is not installed"):
            write_data("speech", {}, tmp_path)


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(written, "NEEDED", {"no_such_module": "no-such"})
    with pytest.raises(MissingPackage, match="'no-such', which is not installed"):
        write_data("regression", {}, tmp_path)


def test_what_reads_back_otherwise_is_not_passed_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    family = open_family(load("regression", {}))
    write: Callable[..., str] = type(family).write_data

    def wrong(self: Any, folder: Path) -> str:
        digest = write(self, folder)
        file = folder / "diabetes.csv"
        file.write_text(file.read_text().replace("151", "152", 1))
        return digest

    monkeypatch.setattr(type(family), "write_data", wrong)
    with pytest.raises(InvalidData, match="read back: expected the data sha256:"):
        write_data("regression", {}, tmp_path)
