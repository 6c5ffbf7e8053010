"""Pictures made ready for training: read, cleaned, split, and measured on the training split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.data.dataset import Dataset
from training.data.images.cleaning import clean
from training.data.images.decoding import CHANNELS, fit, from_pixels
from training.data.images.digits import CLASSES, read_digits
from training.data.images.folders import (
    TEST,
    TRAIN,
    UNSPLIT,
    VALIDATION,
    find_pictures,
    write_pictures,
)
from training.data.images.gallery import Gallery, PixelArray, PixelFiles, measure
from training.data.split import SplitRows, by_class, split_rows
from training.errors import InvalidData, InvalidSetting

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.images.folders import PictureFile
    from training.data.images.gallery import Pixels
    from training.recipe import Recipe
    from training.settings.vision import VisionData

# Pictures whose results wait in memory at once.
_PART = 1024
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class PictureRows:
    """A split's pictures: features uint8 [rows, size, size, channels], as a file has its pixels;
    targets their classes."""

    pixels: Pixels
    places: NDArray[np.int64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, numbers: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """See `Rows`."""
        return self.pixels.take(self.places[numbers]), self.labels[numbers]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VisionDataset(Dataset):
    """Three splits; `mean` and `scale` are of each channel's training pixels, 0 to 255, float32
    [channels]."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]


def read_dataset(recipe: Recipe, channel: Path | None) -> VisionDataset:
    """The channel's pictures, or scikit-learn's digits without a channel.

    Every picture is decoded once before training begins, so that a broken one stops the job then.
    Raises InvalidData with the file and the reason, MissingPackage, InvalidSetting.
    """
    settings: VisionData = recipe.data
    if channel is not None:
        gallery, source = _from_channel(settings, channel), "channel training"
    elif settings.source == "digits":
        gallery, source = _bundled_digits(settings), "bundled digits"
    else:
        raise InvalidSetting(
            "source", expected="a channel 'training' with the pictures", got="none"
        )
    digest = gallery.digest()
    gallery, report = clean(gallery)
    split = _split(recipe, gallery)
    train, validation, test = (
        PictureRows(gallery.pixels, gallery.places[part], gallery.labels[part]) for part in split
    )
    mean, scale = _measure(gallery, split.train, settings.image_size)
    return VisionDataset(
        train=train,
        validation=validation,
        test=test,
        classes=gallery.classes,
        report=report,
        source=source,
        digest=digest,
        mean=mean,
        scale=scale,
    )


def write_data(recipe: Recipe, folder: Path) -> str:
    """scikit-learn's digits as a channel; their digest. Raises MissingPackage."""
    pictures, digits = read_digits()
    write_pictures(pictures, [CLASSES[digit] for digit in digits], folder)
    return _bundled_digits(recipe.data).digest()


def _bundled_digits(settings: VisionData) -> Gallery:
    pictures, digits = read_digits()
    if settings.colors == "rgb":
        pictures = pictures.repeat(3, axis=3)
    fitted = np.stack([fit(from_pixels(picture), settings.image_size) for picture in pictures])
    return Gallery.of(
        names=[CLASSES[digit] for digit in digits],
        splits=[UNSPLIT] * len(digits),
        measured=[*map(measure, pictures, fitted)],
        pixels=PixelArray(fitted),
    )


def _from_channel(settings: VisionData, channel: Path) -> Gallery:
    files = find_pictures(channel)
    _check_classes(settings, files)
    size, channels = settings.image_size, CHANNELS[settings.colors]
    source = PixelFiles(files, settings.colors, size, settings.decoding_threads)
    fits = len(files) * size * size * channels <= settings.memory_mib * _MIB
    kept = np.empty((len(files) if fits else 0, size, size, channels), np.uint8)
    measured = []
    for start in range(0, len(files), _PART):
        numbers = range(start, min(start + _PART, len(files)))
        for number, (found, fitted) in zip(numbers, source.measure(numbers), strict=True):
            measured.append(found)
            if fits:
                kept[number] = fitted
    return Gallery.of(
        names=[file.name for file in files],
        splits=[file.split for file in files],
        measured=measured,
        pixels=PixelArray(kept) if fits else source,
    )


def _check_classes(settings: VisionData, files: list[PictureFile]) -> None:
    names = sorted({file.name for file in files})
    if settings.source == "digits" and tuple(names) != CLASSES:
        raise InvalidData(
            "channel 'training'",
            expected="a folder for each of the digits 0 to 9 and no other",
            got=", ".join(names),
        )
    if len(names) < 2:
        raise InvalidData(
            "channel 'training'", expected="folders for at least 2 classes", got=names[0]
        )


def _split(recipe: Recipe, gallery: Gallery) -> SplitRows:
    """As the folders have it where they have it; the rest by the seed, class by class."""
    settings: VisionData = recipe.data
    given = {name: np.flatnonzero(gallery.splits == name) for name in (TRAIN, VALIDATION, TEST)}
    if not len(given[TEST]):
        return split_rows(
            by_class(gallery.labels, gallery.classes),
            validation_fraction=settings.validation_fraction,
            test_fraction=settings.test_fraction,
            seed=recipe.seed,
        )
    train, validation = given[TRAIN], given[VALIDATION]
    _check_present(gallery, train)
    if not len(validation):
        train, validation = _divide(gallery, train, settings.validation_fraction, recipe.seed)
    return SplitRows(train, validation, given[TEST])


def _check_present(gallery: Gallery, train: NDArray[np.int64]) -> None:
    counts = np.bincount(gallery.labels[train], minlength=len(gallery.classes))
    if few := np.flatnonzero(counts < 2).tolist():
        raise InvalidData(
            f"class '{gallery.classes[few[0]]}'",
            expected=f"at least 2 different pictures in '{TRAIN}'",
            got=str(counts[few[0]]),
        )


def _divide(
    gallery: Gallery, numbers: NDArray[np.int64], fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Some of each class for validation, at least one and not all."""
    generator = np.random.default_rng(seed)
    train, validation = [], []
    for label in range(len(gallery.classes)):
        mixed = generator.permutation(numbers[gallery.labels[numbers] == label])
        count = max(1, int(len(mixed) * fraction))
        validation.append(mixed[:count])
        train.append(mixed[count:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(validation))


def _measure(
    gallery: Gallery, train: NDArray[np.int64], size: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    count = len(train) * size * size
    mean = np.sum([gallery.measured[number].sums for number in train], axis=0) / count
    squares = np.sum([gallery.measured[number].squares for number in train], axis=0) / count
    deviation = np.sqrt(np.maximum(squares - np.square(mean), 0))
    # A channel of one value has no scale.
    scale = np.where(deviation > 0, deviation, 1.0)
    return mean.astype(np.float32), scale.astype(np.float32)
