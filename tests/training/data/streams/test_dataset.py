from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.training.data.streams.texts import texts, write_table
from training.data.streams.dataset import DecoderDataset, Windows, read_dataset
from training.data.streams.tokenizer import END_ID, Stream
from training.errors import InvalidData
from training.objectives import IGNORED
from training.recipe import load

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {"vocabulary": "300", "context": "16"}


def windows(tokens: int, context: int) -> Windows:
    ids = np.arange(1, tokens + 1, dtype=np.int32)
    return Windows(Stream(ids, np.ones_like(ids)), context)


@pytest.mark.parametrize(("tokens", "rows"), [(9, 2), (10, 3), (2, 1)])
def test_every_token_but_the_first_is_a_target_once(tokens: int, rows: int) -> None:
    found = windows(tokens, 4)

    features, targets = found.take(np.arange(len(found)))

    assert features.shape == targets.shape == (rows, 4)
    real = targets != IGNORED
    assert targets[real].tolist() == list(range(2, tokens + 1))
    assert features[real].tolist() == list(range(1, tokens))
    assert (features[~real][1:] == END_ID).all()


def test_rows_are_taken_in_any_order() -> None:
    found = windows(50, 4)

    features, targets = found.take(np.array([7, 2]))

    assert features.tolist() == [[29, 30, 31, 32], [9, 10, 11, 12]]
    assert targets.tolist() == [[30, 31, 32, 33], [10, 11, 12, 13]]


def test_sums_are_of_a_rows_targets() -> None:
    assert windows(6, 4).sums(np.array([100, 1, 2, 3, 4, 5])).tolist() == [10, 5]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> DecoderDataset:
    folder = tmp_path_factory.mktemp("channel")
    # A word for each text, so that one can tell where it went.
    write_table(
        [f"{text} n{number:03}" for number, text in enumerate(texts(240))], folder / "a.csv"
    )
    return read_dataset(load("decoder", SMALL), folder)


def numbers(dataset: DecoderDataset, split: str) -> list[int]:
    """The texts that a split has."""
    text = dataset.tokenizer.decode(dataset.splits()[split].stream.ids.tolist())
    return [int(word[1:4]) for word in text.split() if word[0] == "n" and word[1:4].isdigit()]


def test_no_text_is_in_two_splits_and_neighbours_are_in_one(dataset: DecoderDataset) -> None:
    found = {split: numbers(dataset, split) for split in dataset.splits()}

    assert sorted(itertools.chain(*found.values())) == list(range(240))
    assert len(found["test"]) == len(found["validation"]) == 12
    run = 240 // 60
    for split in found.values():
        assert all(
            later in split for number in split for later in range(number, number - number % run + 4)
        )


def test_the_vocabulary_is_of_the_training_texts(tmp_path: Path) -> None:
    rows = texts(90)
    first = read_dataset(load("decoder", SMALL), write_table(rows, tmp_path / "a/a.csv").parent)
    held = dataset_texts(first, "test")
    changed = [row.replace("And the", "zyxzyxzyx") if row in held else row for row in rows]

    second = read_dataset(load("decoder", SMALL), write_table(changed, tmp_path / "b/a.csv").parent)

    assert any("zyxzyxzyx" in text for text in dataset_texts(second, "test"))
    assert first.tokenizer.to_str() == second.tokenizer.to_str()


def dataset_texts(dataset: DecoderDataset, split: str) -> set[str]:
    ids = dataset.splits()[split].stream.ids
    parts = np.split(ids, np.flatnonzero(ids == END_ID))
    return {dataset.tokenizer.decode(part[1:].tolist()) for part in parts if len(part) > 1}


def test_too_few_texts_are_refused(tmp_path: Path) -> None:
    folder = write_table(["one", "two", "one"], tmp_path / "a.csv").parent

    with pytest.raises(InvalidData, match=r"texts: expected 3 at least.*got 2"):
        read_dataset(load("decoder", SMALL), folder)
