"""Windows of a stream of tokens, in three splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.data.dataset import Dataset
from training.data.split import split_rows
from training.data.streams.cleaning import clean
from training.data.streams.documents import (
    bible_chapters,
    digest,
    read_channel,
    write_channel,
)
from training.data.streams.tokenizer import END_ID, tokenize, train_tokenizer
from training.errors import InvalidData
from training.objectives import IGNORED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from training.data.streams.tokenizer import Stream
    from training.recipe import Recipe

# Neighbouring documents fall into one split, so many at most; with few documents, so few that
# there are this many runs of them.
RUN, RUNS = 8, 60


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Rows of `context` tokens, one after the other, each with the next as its target; every
    token of the stream but the first is a target once."""

    stream: Stream
    context: int

    @property
    def labels(self) -> NDArray[np.int64]:
        """The targets of all rows."""
        return self.take(np.arange(len(self)))[1]

    def __len__(self) -> int:
        return -(-(len(self.stream.ids) - 1) // self.context)

    def take(self, numbers: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Both int64 [rows, context]; beyond the stream's end, ends and `IGNORED`."""
        ids, real = self.windows(numbers)
        return ids[:, :-1], np.where(real, ids, IGNORED)[:, 1:]

    def windows(self, numbers: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The tokens of each row and the one after, int64 [rows, context + 1], and which of them
        the stream has."""
        places, real = self._places(numbers)
        return np.where(real, self.stream.ids[places], END_ID).astype(np.int64), real

    def sums(self, values: NDArray[Any]) -> NDArray[Any]:
        """Of a value for each token of the stream, [tokens], the sums over each row's targets."""
        places, real = self._places(np.arange(len(self)))
        sums: NDArray[Any] = np.where(real, values[places], 0)[:, 1:].sum(axis=1)
        return sums

    def _places(self, numbers: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        places = numbers[:, None] * self.context + np.arange(self.context + 1)
        count = len(self.stream.ids)
        return np.minimum(places, count - 1), places < count


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DecoderDataset(Dataset):
    """Three streams in windows, and the tokenizer that was made of the first one's texts."""

    train: Windows
    validation: Windows
    test: Windows
    tokenizer: Tokenizer


def read_dataset(recipe: Recipe, channel: Path | None) -> DecoderDataset:
    """The channel's texts, or the Bible without a channel, as tokens.

    Raises InvalidData, MissingSystemPackage.
    """
    settings = recipe.data
    documents = bible_chapters() if channel is None else read_channel(channel)
    texts, report = clean(documents)
    train, validation, test = _split(recipe, texts)
    tokenizer = train_tokenizer(train, settings.vocabulary)
    streams = (tokenize(tokenizer, part) for part in (train, validation, test))
    windows = [Windows(stream, settings.context) for stream in streams]
    return DecoderDataset(
        train=windows[0],
        validation=windows[1],
        test=windows[2],
        classes=(),
        report=report,
        source=f"bundled {settings.source}" if channel is None else "channel training",
        digest=digest(documents),
        tokenizer=tokenizer,
    )


def write_data(recipe: Recipe, folder: Path) -> str:
    """The Bible's chapters as a channel; their digest. Raises MissingSystemPackage."""
    documents = bible_chapters()
    write_channel(documents, folder / f"{recipe.data.source}.csv")
    return digest(documents)


def _split(recipe: Recipe, texts: Sequence[str]) -> list[list[str]]:
    """Runs of neighbours, so that what a text takes from the one before it stays in its split."""
    size = max(1, min(RUN, len(texts) // RUNS))
    runs = [texts[start : start + size] for start in range(0, len(texts), size)]
    if len(runs) < 3:
        raise InvalidData(
            "texts",
            expected="3 at least, one for each split, that are not empty and differ",
            got=f"{len(runs)}",
        )
    chosen = split_rows(
        [("texts", np.arange(len(runs)))],
        validation_fraction=recipe.data.validation_fraction,
        test_fraction=recipe.data.test_fraction,
        seed=recipe.seed,
    )
    return [[text for run in part.tolist() for text in runs[run]] for part in chosen]
