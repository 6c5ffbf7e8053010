"""Samples: from WAV to one channel at one rate, and into a window of one length."""

from __future__ import annotations

import io
import math
import struct
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from training.errors import InvalidData

if TYPE_CHECKING:
    from numpy.typing import NDArray

# 16 bits hold -1 to 1.
FULL_SCALE = 32768
# What of a recording is its beginning and end: below this share of the largest sample.
QUIET = 0.01
# A clip whose largest sample, of 32768, is less has no sound.
SILENT = 33
# Shorter than any word.
SHORTEST_SECONDS = 0.05
# From below a telephone's rate to above that of any recorder, samples per second.
RATES = range(1000, 400_000)


def decode(content: bytes, where: str, rate: int) -> NDArray[np.int16]:
    """A WAV file's samples, its channels' mean, int16 [any] at `rate` per second.

    PCM of 8, 16, 24 and 32 bits, or floating point, at any rate. Raises InvalidData.
    """
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            # Of chunks that hold no sound.
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            found, samples = wavfile.read(io.BytesIO(content))
    except ValueError as error:
        raise InvalidData(where, expected="PCM WAV", got=str(error)) from None
    # scipy's words for a header that ends early, has a zero where none can be, or a width that no
    # floating point number has.
    except (struct.error, UnboundLocalError, ZeroDivisionError, TypeError):
        raise InvalidData(where, expected="PCM WAV", got="a broken header") from None
    if not samples.size:
        raise InvalidData(where, expected="samples", got="none")
    if found not in RATES:
        raise InvalidData(
            where, expected=f"{RATES.start} to {RATES.stop} samples a second", got=f"{found}"
        )
    sound = _in_units(samples)
    if not np.isfinite(sound).all():
        raise InvalidData(where, expected="finite samples", got="NaN or infinity")
    if sound.ndim == 2:
        sound = sound.mean(axis=1)
    if (seconds := len(sound) / found) < SHORTEST_SECONDS:
        raise InvalidData(
            where, expected=f"{SHORTEST_SECONDS:g} s at least", got=f"{seconds:.3f} s"
        )
    return to_int16(resample(sound, found, rate))


def encode(samples: NDArray[np.int16], rate: int) -> bytes:
    """16 bit PCM WAV, one channel."""
    from scipy.io import wavfile

    file = io.BytesIO()
    wavfile.write(file, rate, samples)
    return file.getvalue()


def resample(sound: NDArray[Any], found: int, rate: int) -> NDArray[Any]:
    """From `found` to `rate` samples per second; what lies above half the lower one is filtered
    out."""
    if found == rate:
        return sound
    from scipy.signal import resample_poly

    common = math.gcd(found, rate)
    up, down = rate // common, found // common
    resampled: NDArray[Any] = resample_poly(sound, up, down, window=_low_pass(max(up, down)))
    return resampled


def to_int16(sound: NDArray[Any]) -> NDArray[np.int16]:
    """From -1 to 1; what is beyond is cut off."""
    scaled = np.rint(sound * FULL_SCALE)
    limited: NDArray[np.int16] = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return limited


def trim(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Without the quiet before and after; empty where all is silent."""
    loud = np.abs(samples.astype(np.int32))
    places = np.flatnonzero(loud > QUIET * loud.max(initial=0))
    return samples[places[0] : places[-1] + 1] if len(places) else samples[:0]


def lay(samples: NDArray[np.int16], length: int) -> NDArray[np.int16]:
    """Into the middle of `length` samples of silence; of a longer clip the part with the most
    energy."""
    if len(samples) > length:
        energy = np.concatenate(([0.0], np.square(samples, dtype=np.float64).cumsum()))
        first = int((energy[length:] - energy[:-length]).argmax())
        return samples[first : first + length]
    window = np.zeros(length, np.int16)
    first = (length - len(samples)) // 2
    window[first : first + len(samples)] = samples
    return window


@lru_cache(maxsize=16)
def _low_pass(factor: int) -> NDArray[np.float64]:
    """The filter that scipy would design anew for each clip, which takes longer than to use it."""
    from scipy.signal import firwin

    taps: NDArray[np.float64] = firwin(20 * factor + 1, 1 / factor, window=("kaiser", 5.0))
    return taps


def _in_units(samples: NDArray[Any]) -> NDArray[np.float64]:
    """From -1 to 1, whatever the file's width; scipy has 24 bits as the upper ones of 32."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float64)
    if samples.dtype == np.uint8:
        return (samples.astype(np.float64) - 128) / 128
    return samples.astype(np.float64) / -float(np.iinfo(samples.dtype).min)
