"""What of a clip the network hears: the same as in training, whatever is around it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.data.speech.tones import RATE, tone
from training.data.speech.sound import lay, to_int16, trim
from training.families.speech.window import heard

LENGTH = 1000


def of(*clips: np.ndarray) -> np.ndarray:
    """The windows of int16 clips, filled up with zeros to one length, as int16."""
    longest = max(map(len, clips))
    filled = np.stack([np.pad(clip, (0, longest - len(clip))) for clip in clips])
    return (heard(torch.from_numpy(filled / np.float32(32768)), LENGTH) * 32768).numpy()


@pytest.mark.parametrize("seconds", [0.001, 0.1, 0.1003, 0.25])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (301, 0), (0, 4000), (5000, 123)])
def test_it_is_the_window_of_training(seconds: float, before: int, after: int):
    word = to_int16(tone(300, seconds) + 0.1)
    around = np.concatenate([np.full(before, 3), word, np.full(after, -3)]).astype(np.int16)
    np.testing.assert_array_equal(of(around)[0], lay(trim(word), LENGTH))


def test_each_row_has_its_own():
    word, other = (to_int16(tone(hertz, 0.2)) for hertz in (300, 1200))
    clips = [word, np.pad(other // 50, (3000, 0)), np.zeros(5, np.int16)]
    for found, clip in zip(of(*clips), clips, strict=True):
        np.testing.assert_array_equal(found, lay(trim(clip), LENGTH))


def test_of_too_much_sound_the_loudest_part_is_heard():
    noise = 0.02 * np.random.default_rng(0).standard_normal(3 * RATE)
    noise[5000:5600] += tone(300, 0.15)
    found = of(to_int16(noise))[0]
    assert np.square(found).sum() >= 0.98 * np.square(lay(to_int16(noise), LENGTH) * 1.0).sum()
