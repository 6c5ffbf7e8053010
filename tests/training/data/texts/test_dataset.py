from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.training.data.texts.weather import write_weather
from training.data.bible import FILE
from training.data.texts.cleaning import clean, words
from training.data.texts.dataset import read_dataset
from training.data.texts.sources import GENRES, bible
from training.data.texts.tokenizer import SPECIAL
from training.errors import InvalidData
from training.settings.text import TextData

if TYPE_CHECKING:
    from pathlib import Path

    from training.data.texts.corpus import Corpus


def recipe(source: Any = "texts", seed: int = 0) -> Any:
    data = TextData(
        source=source, validation_fraction=0.1, test_fraction=0.2, vocabulary=1000, max_tokens=16
    )
    return SimpleNamespace(data=data, seed=seed)


def test_equal_texts_are_never_in_two_splits(tmp_path: Path) -> None:
    write_weather(tmp_path)

    dataset = read_dataset(recipe(), tmp_path)

    keys = {name: {*map(words, split.texts)} for name, split in dataset.splits().items()}
    assert {name: len(found) for name, found in keys.items()} == {
        "train": 42,
        "validation": 6,
        "test": 12,
    }
    assert len(set().union(*keys.values())) == 60
    summary, lengths = dataset.report.summary(), dataset.train.lengths
    assert summary["duplicates"] == 60
    assert summary["cut"] >= (lengths == 16).sum() > 0
    assert lengths.max() == 16
    assert (np.bincount(dataset.test.labels) == 6).all()
    assert (np.diff([len(text) for text in dataset.validation.texts]) >= 0).all()


def test_the_tokenizer_knows_the_training_split_alone(tmp_path: Path) -> None:
    write_weather(tmp_path)
    dataset = read_dataset(recipe(), tmp_path)

    shown = " " + " ".join(dataset.train.texts)
    learned = {*dataset.tokenizer.get_vocab()} - {*SPECIAL}
    longer = [part.replace("Ġ", " ") for part in learned if len(part) > 1]
    assert any(part.strip().isdigit() for part in longer)
    assert all(part in shown for part in longer)


def test_the_seed_alone_decides(tmp_path: Path) -> None:
    write_weather(tmp_path)
    one, again, other = (read_dataset(recipe(seed=seed), tmp_path) for seed in (1, 1, 2))

    assert one.test.texts == again.test.texts
    assert one.test.texts != other.test.texts
    assert one.tokenizer.to_str() == again.tokenizer.to_str()
    assert one.digest == other.digest


def test_texts_need_a_channel() -> None:
    with pytest.raises(InvalidData, match="expected a folder of texts for the source 'texts'"):
        read_dataset(recipe(), None)


def test_the_bible_as_a_channel_has_its_own_classes(tmp_path: Path) -> None:
    write_weather(tmp_path)

    with pytest.raises(InvalidData, match=r"law, history, .*; others with source=texts, got 'dry'"):
        read_dataset(recipe("bible"), tmp_path)


@pytest.fixture(scope="module")
def verses() -> Corpus:
    if not FILE.exists():
        pytest.skip("make setup-training")
    return bible()


def test_every_verse_has_the_genre_of_its_book(verses: Corpus) -> None:
    names = [verses.classes[label] for label in verses.labels]
    genre = dict(zip(verses.texts, names, strict=True))

    assert np.bincount(verses.labels).tolist() == [5852, 7018, 4785, 5490, 4786, 2767, 404]
    assert genre["Jesus wept."] == "gospels"
    assert genre["The LORD is my shepherd; I shall not want."] == "poetry"
    assert genre["Remember the sabbath day, to keep it holy."] == "law"
    assert tuple(GENRES) == verses.classes


def test_repeated_verses_are_counted(verses: Corpus) -> None:
    _, report = clean(verses)

    assert report.summary() == {
        "read": 31102,
        "kept": 30792,
        "empty": 0,
        "duplicates": 265,
        "conflicts": 45,
        "cut": 0,
    }
