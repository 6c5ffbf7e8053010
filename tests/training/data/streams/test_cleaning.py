from __future__ import annotations

from training.data.streams.cleaning import clean
from training.data.streams.documents import Document


def test_empty_and_repeated_texts_are_counted_and_left_out() -> None:
    read = ["one", " \n", "two two", "one\n", "", "One"]

    kept, report = clean([Document("here", text) for text in read])

    assert kept == ["one", "two two", "One"]
    assert report.summary() == {
        "read": 6,
        "kept": 3,
        "empty": 2,
        "duplicates": 1,
        "characters": 13,
    }
