"""From samples to the logarithm of a mel spectrum, by operations that ONNX has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOWEST_HZ = 60.0
# Of the energy of the clip's loudest frame, 30 dB below it: what is quieter counts as silence.
FLOOR = 1e-3
# The floor of a clip that has no sound at all, far below that of one unit of 16 bits.
_NOTHING = 1e-10
# Brings the values, 0 to 10 or so, near those that layers like.
_SCALE = 0.2


class LogMel(nn.Module):
    """Samples float32 [rows, samples] to float32 [rows, bands, frames], 0 where it is silent.

    Each value is log(1 + energy / floor), the floor being a share of the energy of the row's own
    loudest frame: a louder clip gives the same, and so does one with more silence around it. What
    convolutions pad with, zero, is silence.
    """

    waves: torch.Tensor
    filters: torch.Tensor

    def __init__(self, rate: int, bands: int, frame_ms: float, hop_ms: float) -> None:
        super().__init__()
        frame = max(2, round(rate * frame_ms / 1000))
        self.hop = max(1, round(rate * hop_ms / 1000))
        filters = mel_filters(rate, frame, bands)
        used = filters.any(axis=0)
        waves = fourier_waves(frame)[:, used].reshape(-1, frame)
        self.register_buffer("waves", torch.from_numpy(waves.astype(np.float32))[:, None])
        kept = filters[:, used].astype(np.float32)
        self.register_buffer("filters", torch.from_numpy(kept)[:, :, None])

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        """The spectrum; a clip is at least as long as a frame."""
        # One convolution is the Fourier transform of all frames: onnxruntime runs it faster than
        # its operator STFT, and any runtime has it.
        transformed = functional.conv1d(audio[:, None], self.waves, stride=self.hop)
        real, imaginary = transformed.chunk(2, dim=1)
        energy = functional.conv1d(real * real + imaginary * imaginary, self.filters)
        loudest = energy.mean(dim=1, keepdim=True).amax(dim=2, keepdim=True)
        # Not `+ _NOTHING`: the exporter takes the sum with so small a number for the number itself.
        floor = (FLOOR * loudest).clamp(min=_NOTHING)
        return torch.log(1 + energy / floor) * _SCALE


def fourier_waves(frame: int) -> NDArray[np.float64]:
    """Cosines and sines under a Hann window, [2, frame // 2 + 1, frame]: a frame's product with
    them is its discrete Fourier transform."""
    times = np.arange(frame)
    angles = 2 * np.pi * np.arange(frame // 2 + 1)[:, None] * times / frame
    window = 0.5 - 0.5 * np.cos(2 * np.pi * times / frame)
    return np.stack([np.cos(angles), -np.sin(angles)]) * window


def mel_filters(rate: int, frame: int, bands: int) -> NDArray[Any]:
    """Triangles of equal width in mel, each of sum 1, float64 [bands, frame // 2 + 1].

    mel = 2595 log10(1 + f / 700): O'Shaughnessy, Speech Communication (1987). A triangle that is
    narrower than the distance of two frequencies gets the nearest one.
    """
    top = 2595 * np.log10(1 + rate / 2 / 700)
    bottom = 2595 * np.log10(1 + LOWEST_HZ / 700)
    corners = 700 * (10 ** (np.linspace(bottom, top, bands + 2) / 2595) - 1)
    left, middle, right = (corners[i : i + bands, None] for i in range(3))
    found = np.arange(frame // 2 + 1) * rate / frame
    filters = np.maximum(
        0, np.minimum((found - left) / (middle - left), (right - found) / (right - middle))
    )
    empty = np.flatnonzero(~filters.any(axis=1))
    filters[empty, np.abs(found - middle[empty]).argmin(axis=1)] = 1
    normal: NDArray[np.float64] = filters / filters.sum(axis=1, keepdims=True)
    return normal
