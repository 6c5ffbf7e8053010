"""Training clips as other speakers, rooms and microphones would have given them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

    from training.settings.speech import SpeechData

# Gains of the equalizer are drawn at so many frequencies, and lie on lines between them.
EQUALIZER_POINTS = 6
# What is left of a masked band: 30 dB less.
MASKED = 10 ** (-30 / 20)
# The lowest frequency at which a narrow band ends, by the highest there is: a telephone's 3.2 kHz
# of 8, say.
NARROWEST = 0.4
# The numbers that a clip's changes are drawn from, but for the noise itself.
_SCALARS = 11


class ClipAugmentation:
    """Speed, place, equalizer, a narrow band, a masked one, a masked time, and noise, as the
    settings say.

    Loudness is left alone: the spectrum that the network sees has none.
    """

    def __init__(self, settings: SpeechData) -> None:
        self._settings = settings

    def draws(self, features: Tensor) -> int:
        """A number for each sample of noise, and a few for the rest."""
        return _SCALARS + EQUALIZER_POINTS + features.shape[1]

    def __call__(self, features: Tensor, targets: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        """See `Augmentation`; features are clips, float32 [rows, samples]."""
        settings = self._settings
        scalars, points, noise = torch.split(
            draws, [_SCALARS, EQUALIZER_POINTS, features.shape[1]], dim=1
        )
        speed, shift, narrow, end, band, width, start, duration, ratio, color, clean = torch.split(
            scalars, 1, dim=1
        )
        clips = moved(
            features,
            speed=torch.exp(_signed(speed) * math.log(settings.speed_range)),
            shift=_signed(shift) * settings.shift_seconds * settings.sample_rate,
        )
        gains = equalizer(_signed(points) * settings.equalizer_db, clips.shape[1] // 2 + 1)
        highest = torch.sqrt(NARROWEST + end * (1 - NARROWEST))
        gains = without_band(gains, highest, torch.where(narrow < settings.narrow_share, 1.0, 0.0))
        gains = without_band(gains, band, width * settings.masked_band)
        clips = torch.fft.irfft(torch.fft.rfft(clips) * gains, clips.shape[1])
        length = duration * settings.masked_seconds * settings.sample_rate
        clips = without_time(clips, start * clips.shape[1], length)
        low, high = settings.noise_db_low, settings.noise_db_high
        added = noise_for(clips, noise, ratio_db=low + ratio * (high - low), color=_signed(color))
        return clips + torch.where(clean < settings.clean_share, 0, added), targets


def moved(clips: Tensor, *, speed: Tensor, shift: Tensor) -> Tensor:
    """The clips around their middle at `speed` times their own, and `shift` samples earlier, both
    [rows, 1]; silence comes in from outside. Between samples lies a straight line."""
    length = clips.shape[1]
    middle = (length - 1) / 2
    times = (torch.arange(length, device=clips.device) - middle) * speed + middle + shift
    before = times.floor().clamp(0, length - 2).long()
    share = times - before
    between = clips.gather(1, before) * (1 - share) + clips.gather(1, before + 1) * share
    return torch.where((times >= 0) & (times <= length - 1), between, 0)


def equalizer(decibels: Tensor, frequencies: int) -> Tensor:
    """Gains [rows, points], from the lowest to the highest of `frequencies` by the square root,
    as factors [rows, frequencies]."""
    places = _by_root(frequencies, decibels) * (decibels.shape[1] - 1)
    before = places.floor().clamp(max=decibels.shape[1] - 2).long()
    share = places - before
    between = decibels[:, before] * (1 - share) + decibels[:, before + 1] * share
    return torch.pow(10.0, between / 20)


def without_band(gains: Tensor, start: Tensor, width: Tensor) -> Tensor:
    """The factors [rows, frequencies] with those of a band `MASKED`; its start and width, [rows,
    1], are shares of the square root's scale."""
    places = _by_root(gains.shape[1], gains)
    inside = (places >= start) & (places < start + width)
    return torch.where(inside, gains * MASKED, gains)


def without_time(clips: Tensor, start: Tensor, length: Tensor) -> Tensor:
    """The clips with `length` samples from `start`, both [rows, 1], silent."""
    places = torch.arange(clips.shape[1], device=clips.device)
    return torch.where((places >= start) & (places < start + length), 0, clips)


def noise_for(clips: Tensor, uniform: Tensor, *, ratio_db: Tensor, color: Tensor) -> Tensor:
    """Noise of `ratio_db` less energy than each clip; `color`, from -1 for high to 1 for low
    frequencies, tilts its spectrum. Both are [rows, 1]."""
    noise = uniform - 0.5
    noise = noise + color * functional.pad(noise, (1, 0))[:, :-1]
    loudness = clips.square().mean(dim=1, keepdim=True).sqrt()
    own = noise.square().mean(dim=1, keepdim=True).sqrt()
    return noise * loudness / own.clamp(min=1e-12) * torch.pow(10.0, -ratio_db / 20)


def _signed(uniform: Tensor) -> Tensor:
    """From 0 to 1, to -1 to 1."""
    return uniform * 2 - 1


def _by_root(frequencies: int, like: Tensor) -> Tensor:
    """Each frequency's place from 0 to 1: low ones, where speech has its formants, lie wider."""
    return torch.linspace(0, 1, frequencies, device=like.device).sqrt()
