"""The spectrum against numpy's Fourier transform, and what it takes no notice of."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.data.speech.tones import RATE, tone
from training.families.speech.spectrum import FLOOR, LogMel, fourier_waves, mel_filters


@pytest.fixture(scope="module")
def spectrum() -> LogMel:
    return LogMel(RATE, bands=20, frame_ms=25.0, hop_ms=10.0)


def of(spectrum: LogMel, sound: np.ndarray) -> np.ndarray:
    """Bands by frames of one clip."""
    return spectrum(torch.from_numpy(sound.astype(np.float32))[None])[0].numpy()


def test_waves_are_the_fourier_transform_under_a_hann_window():
    frame = np.random.default_rng(0).standard_normal(100)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(100) / 100)
    real, imaginary = fourier_waves(100) @ frame
    np.testing.assert_allclose(real + 1j * imaginary, np.fft.rfft(frame * window), atol=1e-9)


def test_filters_are_means_around_frequencies_equally_far_in_mel():
    filters = mel_filters(16000, 400, 40)
    assert filters.shape == (40, 201)
    np.testing.assert_allclose(filters.sum(axis=1), 1)
    middles = filters @ (np.arange(201) * 40.0)
    steps = np.diff(2595 * np.log10(1 + middles / 700))
    assert (steps > 0).all()
    np.testing.assert_allclose(steps[10:], steps[10:].mean(), rtol=0.1)


def test_values_are_the_logarithm_of_energy_over_the_loudest_frames(spectrum: LogMel):
    sound = np.random.default_rng(0).standard_normal(1000) * np.linspace(0.01, 1, 1000)
    frames = np.lib.stride_tricks.sliding_window_view(sound, 100)[::40]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(100) / 100)
    energy = mel_filters(RATE, 100, 20) @ (np.abs(np.fft.rfft(frames * window)) ** 2).T
    floor = FLOOR * energy.mean(axis=0).max()
    np.testing.assert_allclose(of(spectrum, sound), 0.2 * np.log1p(energy / floor), atol=1e-5)


def test_a_tone_is_loudest_in_its_own_band(spectrum: LogMel):
    low, high = (of(spectrum, tone(hertz, 0.2)).mean(axis=1).argmax() for hertz in (300, 1200))
    middles = mel_filters(RATE, 100, 20) @ (np.arange(51) * 40.0)
    np.testing.assert_allclose([middles[low], middles[high]], [300, 1200], atol=60)


def test_silence_is_zero(spectrum: LogMel):
    assert not of(spectrum, np.zeros(500)).any()


def test_loudness_and_the_silence_around_change_nothing(spectrum: LogMel):
    sound = tone(300, 0.2) * np.hanning(800)
    found = of(spectrum, sound)
    np.testing.assert_allclose(of(spectrum, sound / 100), found, atol=1e-4)
    padded = of(spectrum, np.pad(sound, (400, 800)))
    np.testing.assert_allclose(padded[:, 10 : 10 + found.shape[1]], found, atol=1e-5)
    assert not padded[:, -15:].any()
