"""Texts made ready for training: cleaned, split, and cut by a tokenizer of the training split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from training.data.dataset import Dataset
from training.data.split import by_class, split_rows
from training.data.texts.channel import read_channel, write_channel
from training.data.texts.cleaning import clean
from training.data.texts.rows import TextRows, encode
from training.data.texts.sources import GENRES, bible
from training.data.texts.tokenizer import train_tokenizer
from training.errors import InvalidData

if TYPE_CHECKING:
    from pathlib import Path

    from tokenizers import Tokenizer

    from training.data.texts.corpus import Corpus
    from training.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TextDataset(Dataset):
    """Three splits of token ids, and the tokenizer that made them."""

    train: TextRows
    validation: TextRows
    test: TextRows
    tokenizer: Tokenizer


def read_dataset(recipe: Recipe, channel: Path | None) -> TextDataset:
    """The channel's texts, or the Bible's verses without a channel, prepared.

    Raises InvalidData, MissingSystemPackage.
    """
    settings = recipe.data
    if channel is not None:
        corpus = (
            read_channel(channel, tuple(GENRES), "; others with source=texts")
            if settings.source == "bible"
            else read_channel(channel, settings.classes)
        )
        return prepare(recipe, corpus, "channel training")
    if settings.source != "bible":
        raise InvalidData(
            "channel 'training'", expected="a folder of texts for the source 'texts'", got="none"
        )
    return prepare(recipe, bible(), "bible-kjv-text")


def write_data(recipe: Recipe, folder: Path) -> str:
    """The Bible's verses as a channel; their digest. Raises MissingSystemPackage."""
    corpus = bible()
    write_channel(corpus, folder / f"{recipe.data.source}.csv")
    return corpus.digest()


def prepare(recipe: Recipe, corpus: Corpus, source: str) -> TextDataset:
    """Clean, split and cut; see `read_dataset`."""
    settings, digest = recipe.data, corpus.digest()
    corpus, report = clean(corpus)
    rows = split_rows(
        by_class(corpus.labels, corpus.classes),
        validation_fraction=settings.validation_fraction,
        test_fraction=settings.test_fraction,
        seed=recipe.seed,
    )
    # Validation looks at rows as they stand: of about one length together, little is padded.
    lengths = np.array([len(text) for text in corpus.texts])
    ascending = rows.validation[np.argsort(lengths[rows.validation], kind="stable")]
    parts = [corpus.rows(numbers) for numbers in (rows.train, ascending, rows.test)]
    tokenizer = train_tokenizer(
        parts[0].texts, vocabulary=settings.vocabulary, max_tokens=settings.max_tokens
    )
    train, validation, test = (encode(part.texts, part.labels, tokenizer) for part in parts)
    return TextDataset(
        train=train,
        validation=validation,
        test=test,
        classes=corpus.classes,
        report=replace(report, cut=train.cut + validation.cut + test.cut),
        source=source,
        digest=digest,
        tokenizer=tokenizer,
    )
