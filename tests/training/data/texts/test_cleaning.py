from __future__ import annotations

import numpy as np
import pytest

from training.data.texts.cleaning import clean
from training.data.texts.corpus import Corpus
from training.errors import InvalidData


def corpus(*rows: tuple[str, int]) -> Corpus:
    texts, labels = zip(*rows, strict=True)
    return Corpus(texts, np.array(labels), ("dry", "wet"))


def test_what_is_left_out_is_counted() -> None:
    kept, report = clean(
        corpus(
            ("It rains.", 1),
            ("...", 1),
            ("The sun, the sun", 0),
            ("it  RAINS", 1),
            ("It rains!", 0),
            ("The sun", 0),
        )
    )

    assert kept.texts == ("It rains.", "The sun, the sun", "The sun")
    assert kept.labels.tolist() == [1, 0, 0]
    assert report.document() == {
        "read": 6,
        "kept": 3,
        "empty": 1,
        "duplicates": 1,
        "conflicts": 1,
        "balance": {"dry": 2, "wet": 1},
        "words": {"mean": 2.67, "largest": 4},
        "cut": 0,
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C", "C++"),
        ("C", "C#"),
        ("+1", "-1"),
        ("1", "-1"),
        ("so :)", "so :("),
        ("\U0001f600", "\U0001f622"),
        # Two Hindi words that differ in their vowel signs alone.
        ("\u0915\u093f", "\u0915\u0940"),
        ("re-sign", "resign"),
    ],
)
def test_what_differs_in_meaning_is_not_equal(one: str, other: str) -> None:
    _, report = clean(corpus((one, 0), (other, 1)))

    assert (report.kept, report.empty, report.conflicts) == (2, 0, 0)


@pytest.mark.parametrize(
    "text", ["it rains", " It\nrains ", "\u201cIt rains\u2026\u201d", "It, rains.", "\uff29t rains"]
)
def test_what_differs_in_its_look_is_equal(text: str) -> None:
    assert clean(corpus(("It rains!", 0), (text, 0)))[1].duplicates == 1


def test_texts_without_words_are_refused() -> None:
    with pytest.raises(InvalidData, match="expected one with a word in it, got none among 2"):
        clean(corpus(("", 0), ("?!", 1)))


def test_the_digest_is_of_texts_labels_and_classes() -> None:
    one = corpus(("a", 0), ("b", 1))

    others = [
        corpus(("a", 0), ("b", 0)),
        corpus(("b", 1), ("a", 0)),
        corpus(("ab", 0), ("", 1)),
        Corpus(one.texts, one.labels, ("dry", "frozen")),
    ]
    assert corpus(("a", 0), ("b", 1)).digest() == one.digest()
    assert len({one.digest(), *(other.digest() for other in others)}) == 5
