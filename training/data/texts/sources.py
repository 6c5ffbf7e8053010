"""The texts that recipes name."""

from __future__ import annotations

import numpy as np

from training.data.bible import read_bible
from training.data.texts.corpus import Corpus

# What a book is of, and how many books of it follow each other.
GENRES = {
    "law": 5,
    "history": 12,
    "poetry": 5,
    "prophets": 17,
    "gospels": 5,
    "letters": 21,
    "apocalypse": 1,
}


def bible() -> Corpus:
    """The verses of the King James Bible, each with the genre of its book; Acts is with the
    gospels.

    Raises MissingSystemPackage.
    """
    verses = read_bible()
    books = list(dict.fromkeys(verse.book for verse in verses))
    genres = np.repeat(np.arange(len(GENRES)), list(GENRES.values()))
    genre = dict(zip(books, genres.tolist(), strict=True))
    labels = np.array([genre[verse.book] for verse in verses], np.int64)
    return Corpus(tuple(verse.text for verse in verses), labels, tuple(GENRES))
