"""What is wrong with clips, counted; and the clips without what cannot be trained on."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.data.speech.sound import FULL_SCALE, SILENT, lay, trim
from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.data.speech.clips import Clip, Clips


@dataclass(frozen=True, slots=True)
class SpeechReport:
    """Counts over the clips as they were read.

    A clip whose samples in the window equal an earlier one's is a duplicate where it has the same
    word and a conflict with another; neither is trained on. `shortened` are longer than the
    window, `clipped` have samples at the end of the scale: both stay. `seconds` are the kept
    clips' own, without the quiet before and after; `balance` counts them by word, `speakers` by
    whom they are.
    """

    read: int
    kept: int
    silent: int
    duplicates: int
    conflicts: int
    shortened: int
    clipped: int
    seconds: Mapping[str, float]
    balance: Mapping[str, int]
    speakers: Mapping[str, int]

    def document(self) -> dict[str, Any]:
        """Everything, fit for JSON."""
        return asdict(self)

    def summary(self) -> dict[str, int]:
        """The totals."""
        return {
            "read": self.read,
            "kept": self.kept,
            "silent": self.silent,
            "duplicates": self.duplicates,
            "conflicts": self.conflicts,
            "shortened": self.shortened,
            "clipped": self.clipped,
            "speakers": len(self.speakers),
        }


def clean(
    clips: Clips, length: int, rate: int, *, drop_silent: bool
) -> tuple[list[Clip], SpeechReport]:
    """The clips that are trained on, each laid into a window of `length` samples, and the counts.

    Raises InvalidData for a clip without sound, unless those are dropped, and when none is left.
    """
    counts: Counter[str] = Counter()
    kept: list[Clip] = []
    lengths: list[int] = []
    words: dict[bytes, str] = {}
    for clip in clips.clips:
        peak = int(np.abs(clip.samples.astype(np.int32)).max(initial=0))
        if peak < SILENT:
            if not drop_silent:
                raise InvalidData(clip.where, expected="a clip with sound", got="silence")
            counts["silent"] += 1
            continue
        sound = trim(clip.samples)
        window = lay(sound, length)
        key = window.tobytes()
        if key in words:
            counts["duplicates" if words[key] == clip.word else "conflicts"] += 1
            continue
        words[key] = clip.word
        counts["shortened"] += len(sound) > length
        counts["clipped"] += peak >= FULL_SCALE - 1
        kept.append(clip._replace(samples=window))
        lengths.append(len(sound))
    if not kept:
        raise InvalidData("clips", expected="some with sound", got=f"none of {len(clips.clips)}")
    return kept, SpeechReport(
        read=len(clips.clips),
        kept=len(kept),
        **{
            name: counts[name]
            for name in ("silent", "duplicates", "conflicts", "shortened", "clipped")
        },
        seconds={
            name: round(float(measure(lengths)) / rate, 3)
            for name, measure in (("shortest", min), ("median", np.median), ("longest", max))
        },
        balance=dict(sorted(Counter(clip.word for clip in kept).items())),
        speakers=dict(sorted(Counter(clip.speaker for clip in kept).items())),
    )
