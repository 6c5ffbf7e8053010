"""What espeak-ng and flite are asked for; and, where they are installed, what they say."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from training.data.speech import espeak, flite
from training.data.speech.espeak import DIGITS, Manner, between_breaks, manners, speak, speaker
from training.errors import InvalidData, MissingSystemPackage

needs_espeak = pytest.mark.skipif(
    shutil.which(espeak.PROGRAM) is None, reason="espeak-ng is not installed: make setup-training"
)
needs_flite = pytest.mark.skipif(
    shutil.which(flite.PROGRAM) is None, reason="flite, which is optional, is not installed"
)


def test_without_the_program_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingSystemPackage, match=r"'espeak-ng'.*make setup-training"):
        espeak.spoken_digits(1, 8000, 0)
    assert flite.unseen_clips(DIGITS, 8000) is None


def test_the_seed_decides_how_it_is_said():
    wanted = manners(["us", "gb"], ["f1", "m1"], 3, seed=1)
    assert wanted == manners(["us", "gb"], ["f1", "m1"], 3, seed=1)
    assert wanted != manners(["us", "gb"], ["f1", "m1"], 3, seed=2)
    assert [each.voice.partition("+")[2] for each in wanted] == ["f1"] * 3 + ["m1"] * 3
    assert all(110 <= each.speed <= 230 and 15 <= each.pitch <= 85 for each in wanted)


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("robosoft7", "robosoft"),
        ("Gene2", "gene"),
        ("Mr serious", "mr serious"),
        ("caleb", "klatt"),
    ],
)
def test_voices_that_sound_alike_are_one_speaker(variant: str, expected: str):
    assert speaker(variant) == expected


def said(words: int) -> np.ndarray:
    """Words of a tenth of a second, two seconds apart, at espeak-ng's rate."""
    samples = np.zeros(22050 * (2 * words + 1), np.int16)
    for number in range(words):
        samples[22050 * (2 * number + 1) :][:2205] = 1000 + number
    return samples


def test_words_are_what_lies_between_breaks():
    words = between_breaks(said(10), "here")
    assert [len(word) for word in words] == [2205] * 10
    assert [int(word[0]) for word in words] == list(range(1000, 1010))


@pytest.mark.parametrize("words", [0, 9, 11])
def test_a_missing_word_is_noticed(words: int):
    with pytest.raises(InvalidData, match=f"here: expected 10 words between pauses, got {words}"):
        between_breaks(said(words), "here")


@needs_espeak
def test_a_voice_is_heard_in_every_accent():
    """espeak-ng leaves a variant out where the accent is no file's name, and says nothing."""
    accents = espeak.accents()
    assert len(accents) > 4
    # One of them speaks more than one language, which is listed behind its name.
    assert {"f1", "m1", "Mr serious", "Storm"} <= set(espeak.variants())
    for accent in accents:
        one, other = (
            speak(Manner(f"{accent}+{variant}", 175, 50), 8000)[0].samples
            for variant in ("f1", "m1")
        )
        assert one.tobytes() != other.tobytes()


@needs_espeak
def test_ten_digits_are_said_the_same_each_time():
    manner = Manner(f"{espeak.accents()[0]}+RicishayMax3", 230, 50)
    spoken = speak(manner, 8000)
    assert [clip.word for clip in spoken] == list(DIGITS)
    assert {clip.speaker for clip in spoken} == {"ricishaymax"}
    assert all(400 < len(clip.samples) < 12000 for clip in spoken)
    again = speak(manner, 8000)
    assert [clip.samples.tobytes() for clip in spoken] == [clip.samples.tobytes() for clip in again]


@needs_espeak
def test_an_unknown_voice_is_refused():
    with pytest.raises(InvalidData, match="expected spoken words, got"):
        speak(Manner("nobody", 175, 50), 8000)


@needs_flite
def test_flite_says_words_by_all_its_voices():
    clips = flite.unseen_clips(["six"], 8000)
    assert clips is not None
    assert {clip.speaker for clip in clips.clips} == set(flite.VOICES)
    assert len({clip.samples.tobytes() for clip in clips.clips}) == 25
