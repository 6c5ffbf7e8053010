"""Clips that stand for spoken words: a tone for each word, a pitch for each speaker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.data.speech.clips import Clip, Clips
from training.data.speech.sound import encode, to_int16

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

RATE = 4000
WORDS = {"high": 1200.0, "low": 300.0}


def tone(hertz: float, seconds: float, rate: int = RATE, loudness: float = 0.5) -> NDArray:
    """A sine, float64 from -1 to 1."""
    return loudness * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def clip(word: str, speaker: str, number: int = 0) -> Clip:
    """A clip that no other word, speaker or number has."""
    seed = sum(map(ord, f"{word}{speaker}{number}")) + 1000 * number
    generator = np.random.default_rng(seed)
    hertz = WORDS[word] * generator.uniform(0.9, 1.1)
    sound = tone(hertz, generator.uniform(0.1, 0.2))
    noise = 0.01 * generator.standard_normal(len(sound))
    return Clip(f"{word}/{speaker}_{number}.wav", word, speaker, to_int16(sound + noise))


def clips(speakers: Sequence[str], each: int = 2) -> Clips:
    """`each` of both words by all of these speakers."""
    return Clips.of(
        [
            clip(word, speaker, number)
            for word in WORDS
            for speaker in speakers
            for number in range(each)
        ]
    )


def write_clips(clips: Clips, folder: Path, rate: int = RATE) -> None:
    """A channel of these clips, as `<word>/<speaker>_<number>.wav`."""
    for number, each in enumerate(clips.clips):
        file = folder / each.word / f"{each.speaker}_{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(each.samples, rate))
