"""Splits by speaker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.training.data.speech.tones import RATE, clip, clips, write_clips
from training.data.speech.clips import Clips
from training.data.speech.dataset import UNSEEN, prepare, read_dataset, split_speakers
from training.errors import InvalidData
from training.recipe import Recipe, load

if TYPE_CHECKING:
    from pathlib import Path

SPEAKERS = tuple(f"speaker{number}" for number in range(10))


@pytest.fixture
def recipe() -> Recipe:
    return load("speech", {"source": "clips", "sample_rate": f"{RATE}", "seconds": "0.25"})


def test_nobody_is_in_two_splits():
    parts = split_speakers(SPEAKERS, 0.1, 0.25, seed=3)
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 7,
        "validation": 1,
        "test": 2,
    }
    assert set().union(*parts.values()) == set(SPEAKERS)
    assert parts == split_speakers(SPEAKERS, 0.1, 0.25, seed=3)
    assert parts != split_speakers(SPEAKERS, 0.1, 0.25, seed=4)


def test_rows_are_the_clips_of_the_splits_speakers(recipe: Recipe):
    given = clips(SPEAKERS)
    dataset = prepare(recipe, given, "here")
    parts = split_speakers(SPEAKERS, 0.1, 0.2, recipe.seed)
    for name, rows in dataset.splits().items():
        assert len(rows) == 4 * len(parts[name])
        features, targets = rows.take(np.arange(len(rows)))
        assert (features.dtype, features.shape[1]) == (np.float32, 1000)
        assert 0.4 < np.abs(features).max() < 0.6
        np.testing.assert_array_equal(targets, rows.labels)
        energies = {round(float(np.square(row).sum()), 3) for row in features}
        expected = {
            round(float(np.square(each.samples / 32768).sum()), 3)
            for each in given.clips
            if each.speaker in parts[name]
        }
        assert energies == expected
    assert dataset.classes == ("high", "low")


def test_another_synthesizers_clips_are_judged_and_not_trained_on(recipe: Recipe):
    other = Clips.of([clip("high", "robot"), clip("low", "robot")])
    dataset = prepare(recipe, clips(SPEAKERS), "here", other)
    assert list(dataset.splits()) == ["train", "validation", "test", UNSEEN]
    np.testing.assert_array_equal(dataset.splits()[UNSEEN].labels, [0, 1])
    assert "robot" not in dataset.report.document()["speakers"]


def test_two_speakers_are_too_few(recipe: Recipe):
    with pytest.raises(
        InvalidData, match="expected 3 speakers at least, one for each split, got 2"
    ):
        prepare(recipe, clips(SPEAKERS[:2]), "here")


def test_every_split_has_every_word(recipe: Recipe):
    lonely = [
        each for each in clips(SPEAKERS).clips if each.word == "high" or each.speaker == "speaker0"
    ]
    with pytest.raises(InvalidData, match=r"expected every word, .*, got none of 'low'"):
        prepare(recipe, Clips.of(lonely), "here")


def test_clips_need_a_channel(recipe: Recipe):
    with pytest.raises(InvalidData, match="channel 'training': expected clips of spoken words"):
        read_dataset(recipe, None)


def test_a_channel_of_other_words_is_no_channel_of_digits(tmp_path: Path):
    write_clips(clips(SPEAKERS[:3]), tmp_path)
    with pytest.raises(InvalidData, match=r"expected the words zero, one, .* got high, low"):
        read_dataset(load("speech", {}), tmp_path)


def test_a_channel_is_read(recipe: Recipe, tmp_path: Path):
    write_clips(clips(SPEAKERS[:3]), tmp_path)
    dataset = read_dataset(recipe, tmp_path)
    assert [len(rows) for rows in dataset.splits().values()] == [4, 4, 4]
    assert dataset.digest == clips(SPEAKERS[:3]).digest()
    assert dataset.source == "channel training"
