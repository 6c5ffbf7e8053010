"""What is wrong with texts, counted; and the texts without what cannot be trained on."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.data.texts.corpus import Corpus

# Punctuation that tells no texts apart: full stops, commas and quotation marks of all scripts.
# Brackets and dashes stay: they make `:(` and `-1`. Beyond this range Unicode has none.
_MEANING = frozenset("#%&*/@\\")
_PUNCTUATION = "".join(
    mark
    for mark in map(chr, range(0x20000))
    if unicodedata.category(mark) in {"Po", "Pi", "Pf"} and mark not in _MEANING
)


@dataclass(frozen=True, slots=True)
class TextReport:
    """Counts over the texts as they were read.

    `empty` ones have no word. Those with the words of an earlier one, whatever their case, spaces
    and the punctuation at the ends of words, are `duplicates` with its label and `conflicts` with
    another. None of them is trained on. `balance` counts the remaining ones by class; `words` are
    their lengths: the mean and the largest; `cut` had more tokens than are looked at.
    """

    read: int
    kept: int
    empty: int
    duplicates: int
    conflicts: int
    balance: Mapping[str, int]
    words: Mapping[str, float]
    cut: int = 0

    def document(self) -> dict[str, Any]:
        """Everything, fit for JSON."""
        return asdict(self)

    def summary(self) -> dict[str, int]:
        """The totals."""
        return {
            "read": self.read,
            "kept": self.kept,
            "empty": self.empty,
            "duplicates": self.duplicates,
            "conflicts": self.conflicts,
            "cut": self.cut,
        }


def words(text: str) -> tuple[str, ...]:
    """What stands between spaces, without case and punctuation at its ends; two texts of equal
    words are one."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return tuple(word for part in folded.split() if (word := part.strip(_PUNCTUATION)))


def clean(corpus: Corpus) -> tuple[Corpus, TextReport]:
    """The texts without empty and repeated ones (one that fell into two splits would be a leak),
    the first of each kept; and the counts. Raises InvalidData when none is left."""
    first: dict[tuple[str, ...], int] = {}
    kept: list[int] = []
    empty = duplicates = conflicts = 0
    for number, text in enumerate(corpus.texts):
        if not (key := words(text)):
            empty += 1
        elif (earlier := first.setdefault(key, number)) == number:
            kept.append(number)
        elif corpus.labels[earlier] == corpus.labels[number]:
            duplicates += 1
        else:
            conflicts += 1
    if not kept:
        raise InvalidData("texts", expected="one with a word in it", got=f"none among {empty}")
    result = corpus.rows(np.array(kept, np.int64))
    lengths = [len(key) for key in first]
    counts = np.bincount(result.labels, minlength=len(corpus.classes)).tolist()
    return result, TextReport(
        read=len(corpus.texts),
        kept=len(kept),
        empty=empty,
        duplicates=duplicates,
        conflicts=conflicts,
        balance=dict(zip(corpus.classes, counts, strict=True)),
        words={"mean": round(sum(lengths) / len(lengths), 2), "largest": max(lengths)},
    )
