"""The network alone: what it is made of, and smaller ones made from it."""

from __future__ import annotations

import pytest
import torch

from training.compression.groups import shrink_network
from training.families.speech.network import SpeechNetwork
from training.recipe import load


def network(spectrum: str, time: str) -> SpeechNetwork:
    """Of a clip of 800 samples, four classes."""
    settings = {"mel_bands": "18", "spectrum_channels": spectrum, "time_channels": time}
    torch.manual_seed(0)
    return SpeechNetwork(load("speech", settings).network, rate=4000, classes=4).eval()


@pytest.mark.parametrize(
    ("spectrum", "time"), [("4,6", "8,10"), ("4", "8"), ("", "8,8"), ("4,4", ""), ("", "")]
)
def test_each_part_may_have_any_number_of_layers(spectrum: str, time: str):
    assert network(spectrum, time)(torch.rand(3, 800)).shape == (3, 4)


@pytest.mark.parametrize(("spectrum", "time"), [("4,6", "8,10"), ("4", ""), ("", "8,8")])
def test_channels_that_say_nothing_leave_without_a_trace(spectrum: str, time: str):
    full = network(spectrum, time)
    clips = torch.rand(3, 800)
    for group in full.removable():
        # The first half has weights that make it zero whatever comes in.
        norm = next(slot.module for slot in group.slots if slot.role == "scales")
        for name in ("weight", "bias"):
            getattr(norm, name).data[: group.units // 2] = 0
    before = full(clips)
    parameters = sum(value.numel() for value in full.parameters())
    shrink_network(full, 0.5)
    torch.testing.assert_close(full(clips), before, atol=1e-6, rtol=1e-5)
    assert sum(value.numel() for value in full.parameters()) < 0.6 * parameters
