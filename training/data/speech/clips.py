"""Clips of spoken words, each with its word and its speaker."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Clip(NamedTuple):
    """One word by one speaker: `samples` are int16 [any] at the recipe's rate; `where` tells a
    person which clip it is."""

    where: str
    word: str
    speaker: str
    samples: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Clips:
    """Clips in a fixed order; `classes` are their words, ascending."""

    clips: tuple[Clip, ...]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, clips: list[Clip]) -> Clips:
        """All of these, ordered by word, speaker and samples: wherever they come from they are
        the same."""
        ordered = sorted(clips, key=lambda clip: (clip.word, clip.speaker, clip.samples.tobytes()))
        return cls(tuple(ordered), tuple(sorted({clip.word for clip in clips})))

    def digest(self) -> str:
        """`sha256:<hex>` of words, speakers and samples."""
        digest = hashlib.sha256()
        for clip in self.clips:
            digest.update(f"{clip.word}\0{clip.speaker}\0{len(clip.samples)}\0".encode())
            digest.update(clip.samples.astype("<i2").tobytes())
        return f"sha256:{digest.hexdigest()}"
