"""Each change of a clip against what it should be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.data.speech.tones import RATE, tone
from training.families.speech.augmentation import (
    EQUALIZER_POINTS,
    NARROWEST,
    ClipAugmentation,
    equalizer,
    moved,
    noise_for,
    without_band,
    without_time,
)
from training.recipe import load

TONE = torch.from_numpy(tone(300, 0.25).astype(np.float32))[None]
LENGTH = TONE.shape[1]
# Noise: every frequency and every moment of it is heard.
CLIPS = torch.randn(4, LENGTH, generator=torch.Generator().manual_seed(0)) * 0.1


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None]


def frequency(clip: torch.Tensor) -> float:
    """Of the strongest wave, in Hz."""
    return float(torch.fft.rfft(clip).abs().argmax()) * RATE / len(clip)


def test_moved_without_speed_is_a_shift():
    earlier, later, same = moved(
        TONE.expand(3, -1), speed=column(1, 1, 1), shift=column(100, -100, 0)
    )
    torch.testing.assert_close(earlier[:-100], TONE[0, 100:], atol=1e-3, rtol=0)
    assert not earlier[-100:].any()
    torch.testing.assert_close(later[100:], TONE[0, :-100], atol=1e-3, rtol=0)
    assert not later[:100].any()
    torch.testing.assert_close(same, TONE[0], atol=1e-3, rtol=0)


def test_speed_changes_the_pitch_and_keeps_the_middle():
    faster, slower = moved(TONE.expand(2, -1), speed=column(1.2, 0.8), shift=column(0, 0))
    assert frequency(faster) == pytest.approx(360, abs=4)
    assert frequency(slower) == pytest.approx(240, abs=4)
    sounding = faster.nonzero()[:, 0]
    assert (len(sounding) / LENGTH) == pytest.approx(1 / 1.2, abs=0.01)
    assert float(sounding.double().mean()) == pytest.approx((LENGTH - 1) / 2, abs=2)


def test_equalizer_draws_lines_between_its_points():
    flat, slope = equalizer(torch.tensor([[0.0] * 3, [0.0, 20.0, 40.0]]), 5)
    torch.testing.assert_close(flat, torch.ones(5))
    places = torch.tensor([0, 1, 2, 3, 4]).div(4).sqrt()
    torch.testing.assert_close(slope, 10 ** (2 * places))


def test_a_masked_band_is_30_decibels_quieter():
    found = without_band(torch.ones(2, 101), start=column(0.5, 0.9), width=column(0.2, 0.0))
    inside = torch.arange(101).div(100).sqrt()
    inside = (inside >= 0.5) & (inside < 0.7)
    torch.testing.assert_close(found[0][inside], torch.full((int(inside.sum()),), 10**-1.5))
    assert (found[0][~inside] == 1).all()
    assert (found[1] == 1).all()


def test_a_masked_time_is_silent():
    found = without_time(torch.ones(2, 10), start=column(3, 8), length=column(2, 5))
    assert found.sum(dim=1).tolist() == [8, 8]
    assert not found[0, 3:5].any()
    assert not found[1, 8:].any()


@pytest.mark.parametrize("color", [-0.9, 0.0, 0.9])
def test_noise_has_its_ratio_and_its_color(color: float):
    uniform = torch.rand(1, LENGTH, generator=torch.Generator().manual_seed(0))
    found = noise_for(TONE, uniform, ratio_db=column(10), color=column(color))
    ratio = TONE.square().sum() / found.square().sum()
    assert float(10 * ratio.log10()) == pytest.approx(10, abs=0.01)
    spectrum = torch.fft.rfft(found[0]).abs().square()
    low, high = (half.sum() for half in spectrum.tensor_split(2))
    assert (
        float((low / high).log()) == pytest.approx(0, abs=0.3)
        if color == 0
        else (bool(low > 2 * high) is (color > 0) and bool(high > 2 * low) is (color < 0))
    )


def augmented(rows: slice = slice(None), **changes: float) -> torch.Tensor:
    """Four clips under the settings of a recipe that changes nothing, but for these."""
    quiet = load("speech", {"source": "clips", "sample_rate": f"{RATE}"}).data
    nothing = {"speed_range": 1.0, "shift_seconds": 0.0, "equalizer_db": 0.0, "masked_band": 0.0}
    nothing |= {"masked_seconds": 0.0, "clean_share": 1.0, "narrow_share": 0.0}
    augmentation = ClipAugmentation(replace(quiet, **{**nothing, **changes}))
    count = augmentation.draws(CLIPS)
    draws = torch.rand(4, count, generator=torch.Generator().manual_seed(1))
    assert count >= LENGTH + EQUALIZER_POINTS
    targets = torch.arange(4)[rows]
    found, kept = augmentation(CLIPS[rows], targets, draws[rows])
    assert kept is targets
    return found


def test_settings_that_change_nothing_change_nothing():
    torch.testing.assert_close(augmented(), CLIPS, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    "change",
    [
        {"speed_range": 1.2},
        {"shift_seconds": 0.1},
        {"equalizer_db": 12.0},
        {"masked_band": 0.5},
        {"narrow_share": 1.0},
        {"masked_seconds": 0.2},
        {"clean_share": 0.0},
    ],
)
def test_each_setting_changes_clips_each_in_its_own_way(change: dict[str, float]):
    difference = (augmented(**change) - CLIPS).square().sum(dim=1)
    shares = (difference / CLIPS.square().sum(dim=1)).tolist()
    # A change may be drawn as small as one likes.
    assert len({round(share, 4) for share in shares if share > 1e-4}) >= 3


def test_a_narrow_band_ends_between_a_telephones_and_the_highest_frequency():
    spectrum = torch.fft.rfft(augmented(narrow_share=1.0)).abs() / torch.fft.rfft(CLIPS).abs()
    lost = spectrum < 0.1
    kept = spectrum.shape[1] - lost.sum(dim=1)
    for row, count in zip(lost, kept.tolist(), strict=True):
        assert not row[:count].any()
        assert NARROWEST - 0.01 < count / spectrum.shape[1] < 1
    assert len(set(kept.tolist())) == 4


def test_a_clip_is_changed_as_if_it_were_alone():
    everything = {
        "speed_range": 1.2,
        "shift_seconds": 0.1,
        "equalizer_db": 12.0,
        "masked_band": 0.5,
    }
    everything |= {"masked_seconds": 0.1, "clean_share": 0.3, "narrow_share": 0.5}
    torch.testing.assert_close(
        augmented(slice(2, 3), **everything)[0], augmented(**everything)[2], atol=1e-6, rtol=1e-5
    )
