"""What is wrong with clips, counted."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.data.speech.tones import RATE, clip
from training.data.speech.cleaning import clean
from training.data.speech.clips import Clip, Clips
from training.errors import InvalidData

LENGTH = 1000
HIGH, LOW = clip("high", "ann"), clip("low", "bob")
SILENCE = Clip("low/ann_0.wav", "low", "ann", np.full(600, 5, np.int16))


def test_everything_is_counted():
    loud = HIGH._replace(samples=np.full(LENGTH + 1, 32767, np.int16))
    conflict = HIGH._replace(word="low")
    kept, report = clean(
        Clips.of([HIGH, HIGH._replace(speaker="cid"), conflict, LOW, loud, SILENCE]),
        LENGTH,
        RATE,
        drop_silent=True,
    )
    assert report.summary() == {
        "read": 6,
        "kept": 3,
        "silent": 1,
        "duplicates": 1,
        "conflicts": 1,
        "shortened": 1,
        "clipped": 1,
        "speakers": 2,
    }
    assert report.balance == {"high": 2, "low": 1}
    assert report.speakers == {"ann": 2, "bob": 1}
    assert report.seconds["longest"] == 0.25
    assert report.document()["balance"] == {"high": 2, "low": 1}
    assert {len(each.samples) for each in kept} == {LENGTH}


def test_a_clip_without_sound_stops_the_job():
    with pytest.raises(
        InvalidData, match=r"low/ann_0\.wav: expected a clip with sound, got silence"
    ):
        clean(Clips.of([HIGH, SILENCE]), LENGTH, RATE, drop_silent=False)


def test_silence_alone_is_no_data():
    with pytest.raises(InvalidData, match="expected some with sound, got none of 1"):
        clean(Clips.of([SILENCE]), LENGTH, RATE, drop_silent=True)
