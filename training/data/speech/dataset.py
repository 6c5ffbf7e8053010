"""Clips made ready for training: cleaned, of one length, and split by speaker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.data.dataset import Dataset, Rows
from training.data.speech.channel import CHANNEL, read_channel, write_channel
from training.data.speech.cleaning import clean
from training.data.speech.espeak import DIGITS, spoken_digits
from training.data.speech.flite import unseen_clips
from training.data.speech.sound import FULL_SCALE
from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.speech.clips import Clip, Clips
    from training.recipe import Recipe

SPLITS = ("train", "validation", "test")
UNSEEN = "unseen_synthesizer"


@dataclass(frozen=True, slots=True, eq=False)
class ClipRows:
    """Clips of one length in memory, int16 [rows, samples]; features are float32 from -1 to 1."""

    samples: NDArray[np.int16]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """See `Rows`."""
        return self.samples[numbers] / np.float32(FULL_SCALE), self.labels[numbers]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SpeechDataset(Dataset):
    """Three splits of different speakers and, where flite is installed, the same words by it:
    judged like a split, but never looked at in training."""

    train: ClipRows
    validation: ClipRows
    test: ClipRows
    unseen: ClipRows | None = None

    def splits(self) -> Mapping[str, Rows]:
        """See `Dataset`."""
        splits: dict[str, Rows] = {
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
        }
        return splits if self.unseen is None else {**splits, UNSEEN: self.unseen}


def read_dataset(recipe: Recipe, channel: Path | None) -> SpeechDataset:
    """The channel's clips, or synthesized ones without a channel, prepared.

    Raises InvalidData and MissingSystemPackage.
    """
    settings = recipe.data
    if channel is not None:
        clips = read_channel(channel, settings.sample_rate)
        _check_words(settings.source, clips.classes)
        return prepare(recipe, clips, "channel training")
    if settings.source != "spoken_digits":
        raise InvalidData(CHANNEL, expected="clips of spoken words", got="no channel")
    clips = _spoken(recipe)
    unseen = unseen_clips(DIGITS, settings.sample_rate)
    return prepare(recipe, clips, "spoken_digits by espeak-ng", unseen)


def write_data(recipe: Recipe, folder: Path) -> str:
    """The synthesized clips as a channel; their digest. A channel has no clips by flite.

    Raises InvalidData and MissingSystemPackage.
    """
    clips = _spoken(recipe)
    write_channel(clips, folder, recipe.data.sample_rate)
    return clips.digest()


def prepare(
    recipe: Recipe, clips: Clips, source: str, unseen: Clips | None = None
) -> SpeechDataset:
    """Clean, lay into windows and split; see `read_dataset`."""
    settings = recipe.data
    rate, length = settings.sample_rate, round(settings.seconds * settings.sample_rate)
    kept, report = clean(clips, length, rate, drop_silent=settings.silent == "drop")
    parts = split_speakers(
        sorted(report.speakers), settings.validation_fraction, settings.test_fraction, recipe.seed
    )
    rows = {
        name: _rows([clip for clip in kept if clip.speaker in speakers], clips.classes)
        for name, speakers in parts.items()
    }
    for name, split in rows.items():
        _check_split(name, split, clips.classes)
    others = None
    if unseen is not None:
        others = _rows(clean(unseen, length, rate, drop_silent=True)[0], clips.classes)
    return SpeechDataset(
        **rows,
        unseen=others,
        classes=clips.classes,
        report=report,
        source=source,
        digest=clips.digest(),
    )


def split_speakers(
    speakers: Sequence[str], validation_fraction: float, test_fraction: float, seed: int
) -> dict[str, frozenset[str]]:
    """Which speakers each split has: the fractions of them, one at least.

    Raises InvalidData for fewer than three.
    """
    if len(speakers) < len(SPLITS):
        raise InvalidData(
            "clips", expected="3 speakers at least, one for each split", got=f"{len(speakers)}"
        )
    drawn = np.random.default_rng(seed).permutation(len(speakers))
    test = max(1, int(len(speakers) * test_fraction))
    validation = max(1, int(len(speakers) * validation_fraction))
    parts = np.split(drawn, [len(drawn) - test - validation, len(drawn) - test])
    return {
        name: frozenset(speakers[number] for number in part)
        for name, part in zip(SPLITS, parts, strict=True)
    }


def _spoken(recipe: Recipe) -> Clips:
    settings = recipe.data
    return spoken_digits(settings.clips_per_voice, settings.sample_rate, recipe.seed)


def _rows(clips: Sequence[Clip], classes: Sequence[str]) -> ClipRows:
    labels = np.array([classes.index(clip.word) for clip in clips], np.int64)
    return ClipRows(np.stack([clip.samples for clip in clips]), labels)


def _check_words(source: str, classes: Sequence[str]) -> None:
    if source == "spoken_digits" and set(classes) != set(DIGITS):
        raise InvalidData(
            CHANNEL,
            expected=f"the words {', '.join(DIGITS)} (or source=clips for others)",
            got=", ".join(classes),
        )


def _check_split(name: str, rows: ClipRows, classes: Sequence[str]) -> None:
    """Raises InvalidData where a word is spoken by no speaker of the split."""
    counts = np.bincount(rows.labels, minlength=len(classes))
    if not counts.all():
        raise InvalidData(
            f"split '{name}'",
            expected="every word, by one of its speakers at least (another seed splits others)",
            got=f"none of '{classes[int(counts.argmin())]}'",
        )
