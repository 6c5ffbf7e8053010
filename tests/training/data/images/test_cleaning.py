"""Equal pictures: once, or not at all."""

from __future__ import annotations

import numpy as np

from training.data.images.cleaning import clean
from training.data.images.gallery import Gallery, PixelArray, measure


def gallery(*pictures: tuple[str, int, str]) -> Gallery:
    """Each a class, a grey that all of its pixels have, and a split."""
    values = np.stack([np.full((2, 2, 1), grey, np.uint8) for _, grey, _ in pictures])
    return Gallery.of(
        [name for name, _, _ in pictures],
        [split for _, _, split in pictures],
        [measure(each, each) for each in values],
        PixelArray(values),
    )


def left(cleaned: Gallery) -> set[tuple[str, int, str]]:
    greys = cleaned.pixels.take(cleaned.places)[:, 0, 0, 0]
    return {
        (cleaned.classes[label], int(grey), str(split))
        for label, grey, split in zip(cleaned.labels, greys, cleaned.splits, strict=True)
    }


def test_repeated_picture_stays_once():
    cleaned, report = clean(gallery(("a", 1, ""), ("a", 1, ""), ("a", 2, ""), ("b", 3, "")))
    assert left(cleaned) == {("a", 1, ""), ("a", 2, ""), ("b", 3, "")}
    assert report.summary() == {
        "read": 4,
        "kept": 3,
        "duplicates": 1,
        "conflicts": 0,
        "leaks": 0,
    }
    assert report.balance == {"a": 2, "b": 1}


def test_picture_of_two_classes_is_of_none():
    cleaned, report = clean(gallery(("a", 1, ""), ("a", 1, ""), ("b", 1, ""), ("b", 3, "")))
    assert left(cleaned) == {("b", 3, "")}
    assert (report.conflicts, report.duplicates, report.balance) == (3, 0, {"a": 0, "b": 1})


def test_picture_in_two_splits_stays_in_the_one_to_measure_by():
    cleaned, report = clean(
        gallery(
            ("a", 1, "train"),
            ("a", 1, "train"),
            ("a", 1, "test"),
            ("b", 2, "train"),
            ("b", 2, "validation"),
            ("b", 3, "train"),
        )
    )
    assert left(cleaned) == {("a", 1, "test"), ("b", 2, "validation"), ("b", 3, "train")}
    assert (report.duplicates, report.leaks) == (3, 2)


def test_equal_pixels_of_another_shape_are_another_picture():
    flat, high = np.zeros((2, 8, 1), np.uint8), np.zeros((8, 2, 1), np.uint8)
    fitted = np.zeros((4, 4, 1), np.uint8)
    assert measure(flat, fitted).content != measure(high, fitted).content


def test_sizes_and_sides():
    values = [np.zeros((2, 3, 1), np.uint8), np.ones((7, 4, 1), np.uint8)]
    both = Gallery.of(
        ["a", "b"], ["", ""], [measure(each, each) for each in values], PixelArray(values[0])
    )
    report = clean(both)[1]
    assert (report.smallest_side, report.largest_side) == (2, 7)
    assert report.sizes == {"3x2": 1, "4x7": 1}
