"""What is wrong with pictures, counted; and those that can be trained on."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.data.images.folders import TEST, TRAIN, UNSPLIT, VALIDATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.data.images.gallery import Gallery

# A picture that is in several splits stays in the first of these: a published test split is to
# be measured whole.
_ORDER = (TEST, VALIDATION, TRAIN, UNSPLIT)
_COMMON_SIZES = 20


@dataclass(frozen=True, slots=True)
class ImageReport:
    """Counts over the pictures as they were read.

    Pictures whose pixels equal another's are `duplicates`, all but one of them, or `conflicts`,
    all of them, where their classes differ; neither is used. `leaks` are the duplicates between
    splits that the channel brought. `balance` counts what is left by class, `sizes` the commonest
    `<width>x<height>` as read, with the smallest and the largest side of all.
    """

    read: int
    kept: int
    duplicates: int
    conflicts: int
    leaks: int
    smallest_side: int
    largest_side: int
    sizes: Mapping[str, int]
    balance: Mapping[str, int]

    def document(self) -> dict[str, Any]:
        """Everything, fit for JSON."""
        return asdict(self)

    def summary(self) -> dict[str, int]:
        """The totals."""
        return {
            "read": self.read,
            "kept": self.kept,
            "duplicates": self.duplicates,
            "conflicts": self.conflicts,
            "leaks": self.leaks,
        }


def clean(gallery: Gallery) -> tuple[Gallery, ImageReport]:
    """Each picture once, and none that is said to be of two classes; and the counts."""
    equal = defaultdict(list)
    for number, measured in enumerate(gallery.measured):
        equal[measured.content].append(number)
    kept, duplicates, conflicts, leaks = [], 0, 0, 0
    for numbers in equal.values():
        if len({*gallery.labels[numbers]}) > 1:
            conflicts += len(numbers)
            continue
        splits = [str(gallery.splits[number]) for number in numbers]
        kept.append(min(numbers, key=lambda number: _ORDER.index(str(gallery.splits[number]))))
        duplicates += len(numbers) - 1
        leaks += len({*splits}) - 1
    result = gallery.rows(np.sort(np.array(kept, np.int64)))
    sides = [side for each in gallery.measured for side in (each.height, each.width)]
    sizes = Counter(f"{each.width}x{each.height}" for each in gallery.measured)
    counts = np.bincount(result.labels, minlength=len(gallery.classes))
    return result, ImageReport(
        read=len(gallery.labels),
        kept=len(result.labels),
        duplicates=duplicates,
        conflicts=conflicts,
        leaks=leaks,
        smallest_side=min(sides),
        largest_side=max(sides),
        sizes=dict(sizes.most_common(_COMMON_SIZES)),
        balance=dict(zip(gallery.classes, counts.tolist(), strict=True)),
    )
