"""The family `speech`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES
from training.data.speech.dataset import SpeechDataset, read_dataset, write_data
from training.data.speech.sound import encode
from training.errors import InvalidSetting
from training.families.family import Baseline, Family
from training.families.speech.augmentation import ClipAugmentation
from training.families.speech.baseline import MODEL, fit_baseline
from training.families.speech.network import (
    INPUT,
    PROBABILITIES,
    SpeechNetwork,
    WordClassifier,
)
from training.families.tabular.network import Classifier
from training.served import Served

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from training.data.dataset import Rows
    from training.stage import Stage

CLIPS = "evaluation/clips"
# Rows and samples of what publishing checks: a part of a clip, coarsely, to fit the manifest.
_GOLDEN_SHAPES = ((1, 1000), (3, 400))
_GOLDEN_STEP = 1 / 64


class Speech(Family[SpeechDataset]):
    """Samples of sound in, the spoken word out."""

    def write_data(self, folder: Path) -> str:
        """See `Family`."""
        return write_data(self.recipe, folder)

    def read(self, channel: Path | None) -> SpeechDataset:
        """See `Family`. Raises InvalidSetting for a range of noise that begins above its end."""
        data = self.recipe.data
        if data.noise_db_low > data.noise_db_high:
            raise InvalidSetting(
                "noise_db_low",
                expected=f"at most noise_db_high, {data.noise_db_high:g}",
                got=f"{data.noise_db_low:g}",
            )
        return read_dataset(self.recipe, channel)

    def network(self, dataset: SpeechDataset) -> nn.Module:
        """See `Family`."""
        data = self.recipe.data
        return SpeechNetwork(
            self.recipe.network,
            rate=data.sample_rate,
            classes=len(dataset.classes),
        )

    def stages(self, network: nn.Module, dataset: SpeechDataset) -> Sequence[Stage]:
        """One, on clips that are changed each time."""
        augmentation = ClipAugmentation(self.recipe.data)
        return [
            replace(stage, augmentation=augmentation) for stage in super().stages(network, dataset)
        ]

    def served(self, network: nn.Module, dataset: SpeechDataset) -> Served:
        """`audio` FP32 [-1, -1] to `probabilities` FP32 [-1, classes]."""
        fp32 = DATATYPES["FP32"]
        output = TensorSpec(PROBABILITIES, fp32, (-1, len(dataset.classes)), dataset.classes)
        rate, seconds = self.recipe.data.sample_rate, self.recipe.data.seconds
        against_the_rest = self.recipe.training.loss == "binary_crossentropy"
        classifier = Classifier(network, against_the_rest=against_the_rest)
        return Served(
            module=WordClassifier(classifier, round(seconds * rate)),
            signature=Signature((TensorSpec(INPUT, fp32, (-1, -1)),), (output,)),
            judged=PROBABILITIES,
            in_float=("classifier.network.spectrum",),
            preprocessing=(
                f"audio is mono, {rate} Hz, float32 in [-1, 1] (16 bit samples / 32768), of any "
                "length; fill the clips of one request up with zeros to one length. The graph "
                "takes no notice of loudness, cuts off the quiet before and after, and hears "
                f"{seconds:g} s: the loudest where more is left. The spectrum is inside it"
            ),
        )

    def inputs(self, rows: Rows, numbers: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """See `Family`."""
        return {INPUT: rows.take(numbers)[0]}

    def golden_inputs(self, dataset: SpeechDataset) -> Sequence[Mapping[str, NDArray[Any]]]:
        """The middle of test clips."""
        found = []
        for rows, samples in _GOLDEN_SHAPES:
            clips = self.inputs(dataset.test, np.arange(rows) % len(dataset.test))[INPUT]
            first = max(0, (clips.shape[1] - samples) // 2)
            part = clips[:, first : first + samples]
            found.append(
                {INPUT: np.rint(part / _GOLDEN_STEP).astype(np.float32) * np.float32(_GOLDEN_STEP)}
            )
        return found

    def evaluation_files(self, dataset: SpeechDataset) -> Mapping[str, bytes]:
        """A test clip of each word, as a caller may have it."""
        test = dataset.test
        rate = self.recipe.data.sample_rate
        return {
            f"{CLIPS}/{word}.wav": encode(test.samples[np.argmax(test.labels == label)], rate)
            for label, word in enumerate(dataset.classes)
        }

    def baseline(self, dataset: SpeechDataset) -> Baseline:
        """See `fit_baseline`."""
        train = dataset.train
        answer = fit_baseline(self.recipe, train, np.arange(len(train)))
        return Baseline(MODEL, self.by_split(answer, dataset))
