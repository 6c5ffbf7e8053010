"""Labelled pictures, what was measured of each, and their pixels, in memory or on demand."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from training.data.images.decoding import fit, open_picture, pixels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from training.data.images.decoding import Colors
    from training.data.images.folders import PictureFile


class Measured(NamedTuple):
    """Of one picture: `content` is a digest of its own size and pixels; `sums` and `squares` are
    of each channel's pixels once they are fitted, float64 [channels]."""

    content: bytes
    height: int
    width: int
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]


class Pixels(Protocol):
    """All pictures at the recipe's size."""

    def take(self, numbers: NDArray[Any]) -> NDArray[np.uint8]:
        """uint8 [numbers, size, size, channels]."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Pictures of one order: by class, then by content, so that file names decide nothing.

    `labels` are int64 [pictures], places in `classes`; `splits` are the folders that the channel
    put them in, `UNSPLIT` where it has none; `places` their numbers in `pixels`.
    """

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    splits: NDArray[np.str_]
    measured: tuple[Measured, ...]
    places: NDArray[np.int64]
    pixels: Pixels

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        splits: Sequence[str],
        measured: Sequence[Measured],
        pixels: Pixels,
        classes: tuple[str, ...] = (),
    ) -> Gallery:
        """Put in order; the classes are all of the names, unless they are given."""
        classes = classes or tuple(sorted(set(names)))
        numbers = {name: label for label, name in enumerate(classes)}
        order = sorted(
            range(len(names)), key=lambda at: (names[at], measured[at].content, splits[at])
        )
        return cls(
            classes=classes,
            labels=np.array([numbers[names[at]] for at in order], np.int64),
            splits=np.array([splits[at] for at in order]),
            measured=tuple(measured[at] for at in order),
            places=np.array(order, np.int64),
            pixels=pixels,
        )

    def digest(self) -> str:
        """`sha256:<hex>` of classes, splits and contents, wherever they were read from."""
        digest = hashlib.sha256("\0".join(self.classes).encode())
        for label, split, measured in zip(self.labels, self.splits, self.measured, strict=True):
            digest.update(f"\0{label}\0{split}\0".encode())
            digest.update(measured.content)
        return f"sha256:{digest.hexdigest()}"

    def rows(self, keep: NDArray[np.int64]) -> Gallery:
        """Some of the pictures, by number."""
        return Gallery(
            self.classes,
            self.labels[keep],
            self.splits[keep],
            tuple(self.measured[number] for number in keep),
            self.places[keep],
            self.pixels,
        )


@dataclass(frozen=True, slots=True, eq=False)
class PixelArray:
    """Pictures in memory, uint8 [pictures, size, size, channels]."""

    values: NDArray[np.uint8]

    def take(self, numbers: NDArray[Any]) -> NDArray[np.uint8]:
        """See `Pixels`."""
        taken: NDArray[np.uint8] = self.values[numbers]
        return taken


class PixelFiles:
    """Pictures that are decoded when they are taken, several at a time."""

    def __init__(
        self, files: Sequence[PictureFile], colors: Colors, size: int, threads: int
    ) -> None:
        self._files, self._colors, self._size = files, colors, size
        # Pillow lets other threads run while it decodes and resizes.
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decoding")

    def take(self, numbers: NDArray[Any]) -> NDArray[np.uint8]:
        """See `Pixels`; raises InvalidData for a file that is no picture any more."""
        return np.stack([*self._pool.map(self._fitted, numbers.tolist())])

    def measure(self, numbers: Iterable[int]) -> list[tuple[Measured, NDArray[np.uint8]]]:
        """What there is to know of these pictures, and each at the recipe's size."""
        return [*self._pool.map(self._measured, numbers)]

    def _open(self, number: int) -> Image.Image:
        file = self._files[number]
        return open_picture(file.file, file.where, self._colors)

    def _fitted(self, number: int) -> NDArray[np.uint8]:
        return fit(self._open(number), self._size)

    def _measured(self, number: int) -> tuple[Measured, NDArray[np.uint8]]:
        picture = self._open(number)
        fitted = fit(picture, self._size)
        return measure(pixels(picture), fitted), fitted


def measure(values: NDArray[np.uint8], fitted: NDArray[np.uint8]) -> Measured:
    """Of a picture's own pixels, uint8 [height, width, channels], and its fitted ones."""
    height, width, channels = values.shape
    content = hashlib.sha256(f"{height}x{width}x{channels}:".encode())
    content.update(np.ascontiguousarray(values).tobytes())
    exact = fitted.reshape(-1, channels).astype(np.float64)
    return Measured(
        content.digest(), height, width, exact.sum(axis=0), np.square(exact).sum(axis=0)
    )
