"""The family `vision`."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import distributed, nn
from torch.nn import functional

from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES
from training.data.images.dataset import VisionDataset, read_dataset, write_data
from training.data.images.decoding import CHANNELS, from_pixels
from training.errors import InvalidSetting
from training.families.family import GOLDEN_BATCHES, Baseline, Family
from training.families.tabular.network import PROBABILITIES, Classifier
from training.families.vision.augmentation import PictureAugmentation, augments
from training.families.vision.baseline import fit_baseline
from training.families.vision.network import VisionNetwork, check_size
from training.served import Served

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.dataset import Rows
    from training.families.family import Tensors
    from training.recipe import Recipe
    from training.stage import Stage

INPUT = "image"
PICTURES = "evaluation/pictures"
# Of the manifest's golden pictures, at most: it is to stay small.
GOLDEN_SIDE = 8
# So many classes have a picture left beside the artefact.
_SHOWN = 100


class ServedClassifier(nn.Module):
    """Pictures of any size, uint8 [rows, height, width, channels], to probabilities, float32
    [rows, classes].

    Brought to the network's size by a triangle filter as wide as the reduction, which onnxruntime
    and Pillow have too.
    """

    def __init__(self, classifier: nn.Module, size: int) -> None:
        super().__init__()
        self.classifier, self.size = classifier, size

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """The probabilities; each row sums to one."""
        values = pictures.permute(0, 3, 1, 2).to(torch.float32)
        fitted = functional.interpolate(
            values, (self.size, self.size), mode="bilinear", antialias=True, align_corners=False
        )
        probabilities: torch.Tensor = self.classifier(fitted.permute(0, 2, 3, 1))
        return probabilities


class Vision(Family[VisionDataset]):
    """A picture in, a class out."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        check_size(recipe.data.image_size, recipe.network)

    def write_data(self, folder: Path) -> str:
        """See `Family`."""
        return write_data(self.recipe, folder)

    def read(self, channel: Path | None) -> VisionDataset:
        """See `Family`."""
        return read_dataset(self.recipe, channel)

    def network(self, dataset: VisionDataset) -> nn.Module:
        """See `Family`; InvalidSetting for batch norm over several CPUs, which PyTorch lacks."""
        network = VisionNetwork(self.recipe.network, dataset)
        if self.recipe.network.batch_norm == "local" or not distributed.is_initialized():
            return network
        if not torch.cuda.is_available():
            raise InvalidSetting("batch_norm", expected="local without GPUs", got="synchronized")
        synchronized: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return synchronized

    def stages(self, network: nn.Module, dataset: VisionDataset) -> Sequence[Stage]:
        """One, in whole batches, with augmentation where the recipe has any."""
        data, rows = self.recipe.data, len(dataset.train)
        augmentation = PictureAugmentation(data) if augments(data) else None
        return [
            replace(stage, augmentation=augmentation, order=partial(whole_batches, rows))
            for stage in super().stages(network, dataset)
        ]

    def served(self, network: nn.Module, dataset: VisionDataset) -> Served:
        """`image` UINT8 [-1, -1, -1, channels] to `probabilities` FP32 [-1, classes]."""
        data = self.recipe.data
        against_the_rest = self.recipe.training.loss == "binary_crossentropy"
        classifier = Classifier(network, against_the_rest=against_the_rest)
        given = TensorSpec(INPUT, DATATYPES["UINT8"], (-1, -1, -1, CHANNELS[data.colors]))
        classes = dataset.classes
        answer = TensorSpec(PROBABILITIES, DATATYPES["FP32"], (-1, len(classes)), classes)
        return Served(
            module=ServedClassifier(classifier, data.image_size),
            signature=Signature((given,), (answer,)),
            judged=PROBABILITIES,
            preprocessing=_preprocessing(data.colors, data.image_size),
            axes={INPUT: {1: "height", 2: "width"}},
        )

    def inputs(self, rows: Rows, numbers: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """See `Family`."""
        return {INPUT: rows.take(numbers)[0]}

    def golden_inputs(self, dataset: VisionDataset) -> Sequence[Tensors]:
        """Few pixels of test pictures, the second batch of them higher than wide: a size that only
        looks free would show."""
        step = -(-self.recipe.data.image_size // GOLDEN_SIDE)
        chosen = []
        for number, size in enumerate(GOLDEN_BATCHES):
            pictures = self.inputs(dataset.test, np.arange(size) % len(dataset.test))[INPUT]
            small = pictures[:, ::step, ::step]
            chosen.append({INPUT: np.ascontiguousarray(small[:, :, : small.shape[2] - number])})
        return chosen

    def baseline(self, dataset: VisionDataset) -> Baseline:
        """A support vector machine on pixels."""
        model, answer = fit_baseline(dataset, self.recipe.data.image_size)
        return Baseline(model, self.by_split(answer, dataset))

    def evaluation_files(self, dataset: VisionDataset) -> Mapping[str, bytes]:
        """A test picture of each class, as a caller has it."""
        files = {}
        for label, name in enumerate(dataset.classes[:_SHOWN]):
            numbers = np.flatnonzero(dataset.test.labels == label)[:1]
            for picture in dataset.test.take(numbers)[0] if len(numbers) else ():
                file = io.BytesIO()
                from_pixels(picture).save(file, "PNG")
                files[f"{PICTURES}/{name}.png"] = file.getvalue()
        return files


def whole_batches(rows: int, generator: np.random.Generator, size: int) -> NDArray[Any]:
    """Shuffled row numbers, the first ones again at the end of the last batch: batch norm is to
    have no step of a few rows, whose statistics would be the last before validation."""
    return np.resize(generator.permutation(rows), -(-rows // size) * size)


def _preprocessing(colors: str, size: int) -> str:
    mode = {"grey": "L", "rgb": "RGB"}[colors]
    return (
        f"image is the upright picture's own pixels, uint8 [rows, height, width, channels] of mode "
        f"{mode}, 0 to 255, all of one request of one size: Pillow's Image.open(file)"
        f".convert('{mode}') as an array; the graph brings it to {size}x{size} and standardises it"
    )
