"""WAV files of every width to the same samples; windows."""

from __future__ import annotations

import io
import runpy
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from tests.training.data.speech.tones import RATE, tone
from training.data.speech.sound import decode, encode, lay, resample, to_int16, trim
from training.errors import InvalidData

ROOT = Path(__file__).parents[4]
SOUND = tone(300, 0.2)


def pcm(width: int, sound: np.ndarray = SOUND, channels: int = 1, rate: int = RATE) -> bytes:
    """As the standard library writes it, `width` bytes a sample."""
    largest = 2 ** (8 * width - 1) - 1
    scaled = np.rint(sound * largest).astype("<i4")
    raw = (scaled + 128).astype(np.uint8) if width == 1 else scaled
    content = b"".join(int(value).to_bytes(4, "little", signed=True)[:width] for value in raw)
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(width)
        written.setframerate(rate)
        written.writeframes(content)
    return file.getvalue()


def floats(sound: np.ndarray, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    wavfile.write(file, rate, sound.astype(np.float32))
    return file.getvalue()


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_width_is_the_same_sound(width: int):
    samples = decode(pcm(width), "a.wav", RATE)
    assert samples.dtype == np.int16
    step = 2.0 ** (1 - 8 * min(width, 2))
    np.testing.assert_allclose(samples / 32768, SOUND, atol=step)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_the_example_client_hears_the_same(tmp_path: Path, width: int):
    file = tmp_path / "a.wav"
    file.write_bytes(pcm(width, tone(300, 0.2, 16000), rate=16000))
    samples = runpy.run_path(f"{ROOT}/events/clients/sound.py")["samples_of"](file)
    heard = decode(file.read_bytes(), "a.wav", 16000)
    np.testing.assert_allclose(samples[0], heard / 32768, atol=1e-4)


def test_floats_are_taken_too():
    np.testing.assert_array_equal(decode(floats(SOUND), "a.wav", RATE), to_int16(SOUND))


def test_stereo_is_the_mean():
    both = np.stack([SOUND, np.zeros_like(SOUND)], axis=1).ravel()
    samples = decode(pcm(2, both, channels=2), "a.wav", RATE)
    np.testing.assert_allclose(samples / 32768, SOUND / 2, atol=1e-4)


def test_another_rate_is_the_same_tone():
    samples = decode(pcm(2, tone(300, 0.2, 44100), rate=44100), "a.wav", RATE)
    assert len(samples) == len(SOUND)
    inside = slice(40, -40)
    np.testing.assert_allclose(samples[inside] / 32768, SOUND[inside], atol=2e-3)


def test_what_the_rate_cannot_hold_is_filtered_out():
    assert np.abs(resample(tone(3000, 0.2, 16000), 16000, RATE)[40:-40]).max() < 1e-3


def floats_of_width(width: int) -> bytes:
    """Zeros after a header of 32 bits in so many bytes."""
    chunk = struct.pack("<HHIIHH", 3, 1, RATE, RATE * width, width, 32)
    data = bytes(400 * width)
    content = b"WAVEfmt " + struct.pack("<I", len(chunk)) + chunk
    content += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(content)) + content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "expected PCM WAV"),
        (b"RIFF\x00\x00\x00\x00WAVE", "expected PCM WAV"),
        (b"no sound at all, but forty-four bytes or more", "expected PCM WAV"),
        (pcm(2)[:30], "expected PCM WAV"),
        (floats_of_width(3), "expected PCM WAV, got a broken header"),
        (pcm(2, SOUND[:0]), "expected samples, got none"),
        (pcm(2, SOUND[:100]), "expected 0.05 s at least, got 0.025 s"),
        (pcm(2, rate=10), "expected 1000 to 400000 samples a second, got 10"),
        (floats(np.full(800, np.nan)), "expected finite samples, got NaN or infinity"),
    ],
)
def test_a_broken_file_is_refused_with_its_name_and_the_reason(content: bytes, reason: str):
    with pytest.raises(InvalidData, match=rf"^word/me_1\.wav: {reason}"):
        decode(content, "word/me_1.wav", RATE)


def test_what_is_written_is_read():
    samples = to_int16(SOUND)
    np.testing.assert_array_equal(decode(encode(samples, RATE), "a.wav", RATE), samples)


def test_too_loud_is_cut_off():
    np.testing.assert_array_equal(to_int16(np.array([-2.0, 1.0])), [-32768, 32767])


def test_quiet_before_and_after_goes():
    samples = np.array([0, 3, 1000, 0, -900, 9, 0], np.int16)
    np.testing.assert_array_equal(trim(samples), [1000, 0, -900])
    assert not len(trim(np.zeros(5, np.int16)))


def test_a_short_clip_lies_in_the_middle():
    np.testing.assert_array_equal(lay(np.array([1, 2], np.int16), 5), [0, 1, 2, 0, 0])


def test_of_a_long_clip_the_loudest_part_stays():
    np.testing.assert_array_equal(lay(np.array([1, 1, 9, 1, 8, 1], np.int16), 3), [9, 1, 8])
