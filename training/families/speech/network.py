"""Convolutions over a spectrum of speech."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from training.compression.groups import Group, Slot
from training.families.speech.spectrum import LogMel
from training.families.speech.window import heard

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.families.tabular.network import Classifier
    from training.settings.speech import SpeechNetworkSettings

INPUT = "audio"
PROBABILITIES = "probabilities"


class SpeechNetwork(nn.Module):
    """Samples, float32 [rows, samples] from -1 to 1, to logits, float32 [rows, classes].

    Frames vote by weights of their own that sum to one over the clip, so silence around the word
    does not thin it out.
    """

    def __init__(self, settings: SpeechNetworkSettings, *, rate: int, classes: int) -> None:
        super().__init__()
        self.spectrum = LogMel(rate, settings.mel_bands, settings.frame_ms, settings.hop_ms)
        self.over_spectrum = _over_spectrum(settings.spectrum_channels)
        self.bands = _bands_left(settings)
        width = self.bands * (settings.spectrum_channels or (1,))[-1]
        self.over_time = _over_time(width, settings.time_channels)
        width = (settings.time_channels or (width,))[-1]
        self.votes = nn.Conv1d(width, 1, 1)
        self.dropout = nn.Dropout(settings.dropout)
        self.answer = nn.Linear(width, classes)

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        """The logits."""
        spectrum = self.spectrum(audio)
        frames = self.over_time(self.over_spectrum(spectrum[:, None]).flatten(1, 2))
        word = (frames * torch.softmax(self.votes(frames), dim=2)).sum(dim=2)
        logits: torch.Tensor = self.answer(self.dropout(word))
        return logits

    def removable(self) -> Iterator[Group]:
        """The channels of each convolution, which the next one reads; what the last ones write
        the votes and the answer read."""
        convolutions = [
            layer
            for layer in (*self.over_spectrum, *self.over_time)
            if isinstance(layer, nn.Conv1d | nn.Conv2d)
        ]
        norms = [
            layer
            for layer in (*self.over_spectrum, *self.over_time)
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)
        ]
        ends = (self.votes, self.answer)
        readers: list[tuple[nn.Module, ...]] = [*((layer,) for layer in convolutions[1:]), ends]
        for layer, norm, reading in zip(convolutions, norms, readers, strict=True):
            # From a spectrum's channels to time alone, each is read in all of its bands.
            flat = isinstance(layer, nn.Conv2d) and not isinstance(reading[0], nn.Conv2d)
            inner = self.bands if flat else 1
            slots = (Slot(each, "reads", inner=inner) for each in reading)
            yield Group(layer.out_channels, (Slot(layer, "writes"), Slot(norm, "scales"), *slots))


class WordClassifier(nn.Module):
    """What is served: clips of any length, float32 [rows, samples], to the words' probabilities,
    float32 [rows, classes].

    The network hears `length` samples of each, as in training: silence around a word changes
    nothing. Each row is answered as if it were alone.
    """

    def __init__(self, classifier: Classifier, length: int) -> None:
        super().__init__()
        self.classifier, self.length = classifier, length

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        """The probabilities; each row sums to one."""
        probabilities: torch.Tensor = self.classifier(heard(audio, self.length))
        return probabilities


def _over_spectrum(channels: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    width = 1
    for number, wider in enumerate(channels):
        size, stride = (5, (2, 2)) if number == 0 else (3, (2, 1))
        layers.append(nn.Conv2d(width, wider, size, stride, padding=size // 2, bias=False))
        layers += [nn.BatchNorm2d(wider), nn.ReLU()]
        width = wider
    return nn.Sequential(*layers)


def _over_time(width: int, channels: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number, wider in enumerate(channels):
        size, stride = (3, 1) if number == 0 else (5, 2)
        layers.append(nn.Conv1d(width, wider, size, stride, padding=size // 2, bias=False))
        layers += [nn.BatchNorm1d(wider), nn.ReLU()]
        width = wider
    return nn.Sequential(*layers)


def _bands_left(settings: SpeechNetworkSettings) -> int:
    """Each convolution over the spectrum halves them."""
    bands = settings.mel_bands
    for _ in settings.spectrum_channels:
        bands = (bands + 1) // 2
    return bands
