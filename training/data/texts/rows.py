"""Token ids of texts, padded to the longest of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.data.texts.tokenizer import PAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True, eq=False)
class TextRows:
    """`texts` as they came; their `tokens`, int32, one after the other, text i from `starts[i]`
    to `starts[i + 1]`; `labels` int64 [texts]; how many texts were `cut` as too long."""

    texts: tuple[str, ...]
    tokens: NDArray[np.int32]
    starts: NDArray[np.int64]
    labels: NDArray[np.int64]
    cut: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text, int64 [texts]."""
        return np.diff(self.starts)

    def take(self, numbers: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Token ids, int64 [rows, longest], padded on the right, and the classes."""
        lengths = self.lengths[numbers]
        present = np.arange(lengths.max(initial=1)) < lengths[:, None]
        places = self.starts[:-1][numbers][:, None] + np.arange(present.shape[1])
        ids = np.full(present.shape, PAD, np.int64)
        ids[present] = self.tokens[places[present]]
        return ids, self.labels[numbers]


def encode(texts: Sequence[str], labels: NDArray[np.int64], tokenizer: Tokenizer) -> TextRows:
    """The texts as the tokenizer cuts them."""
    # Not the fast one, which does not say what it left out.
    encodings = tokenizer.encode_batch(list(texts))
    ids = [encoding.ids for encoding in encodings]
    return TextRows(
        texts=tuple(texts),
        tokens=np.concatenate(ids).astype(np.int32),
        starts=np.concatenate([[0], np.cumsum([len(each) for each in ids])]).astype(np.int64),
        labels=labels,
        cut=sum(bool(encoding.overflowing) for encoding in encodings),
    )


def by_length(
    lengths: NDArray[np.int64], generator: np.random.Generator, size: int, together: int = 32
) -> NDArray[np.int64]:
    """Row numbers of an epoch so that rows of one batch are about as long: little is padded.

    Shuffled, then sorted by length within each `together` batches, whose order is shuffled again.
    The last batch, which may be smaller, stays last.
    """
    order = generator.permutation(len(lengths))
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(order), size * together):
        part = order[start : start + size * together]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[each : each + size] for each in range(0, len(part), size)]
    full = [batch for batch in batches if len(batch) == size]
    rest = [batch for batch in batches if len(batch) < size]
    return np.concatenate([*(full[i] for i in generator.permutation(len(full))), *rest])
