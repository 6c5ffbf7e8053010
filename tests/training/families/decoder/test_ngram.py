"""Kneser-Ney against the same by counting in dictionaries."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from training.families.decoder.ngram import KneserNey

VOCABULARY = 6


def tokens(count: int, seed: int) -> list[int]:
    """A chain in which the next number is often the one above."""
    random = np.random.default_rng(seed)
    found = [0]
    while len(found) < count:
        near = (found[-1] + 1) % VOCABULARY
        found.append(near if random.random() < 0.6 else int(random.integers(VOCABULARY)))
    return found


def counted(ids: list[int], length: int, order: int) -> Counter[tuple[int, ...]]:
    """N-grams of a length; shorter ones than the longest by the different tokens before them."""
    grams = Counter(zip(*(ids[start:] for start in range(length)), strict=False))
    if length == order:
        return grams
    longer = set(zip(*(ids[start:] for start in range(length + 1)), strict=False))
    return Counter(gram[1:] for gram in longer)


def probability(ids: list[int], before: tuple[int, ...], token: int, length: int, order: int):
    """Chen and Goodman's equation 20, from the longest on down."""
    if length == 0:
        return 1 / VOCABULARY
    context = before[len(before) - length + 1 :] if length > 1 else ()
    shorter = probability(ids, before, token, length - 1, order)
    if len(before) < length - 1:
        return shorter
    grams = counted(ids, length, order)
    times = Counter(grams.values())
    n1, n2, n3, n4 = (max(1, times[number]) for number in range(1, 5))
    y = n1 / (n1 + 2 * n2)
    discounts = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    discounts = [np.clip(each, 0.05, 0.95 * n) for n, each in enumerate(discounts, 1)]
    same = {gram: count for gram, count in grams.items() if gram[:-1] == context}
    total = sum(same.values())
    if total == 0:
        return shorter
    count = same.get((*context, token), 0)
    kept = count - discounts[min(count, 3) - 1] if count else 0
    left = sum(discounts[min(each, 3) - 1] for each in same.values())
    return (kept + left * shorter) / total


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_it_is_what_counting_gives(order: int) -> None:
    train, test = tokens(120, 0), tokens(40, 1)

    nats = KneserNey(np.array(train), VOCABULARY, order).nats(np.array(test))

    expected = [
        -np.log(probability(train, tuple(test[:place]), test[place], order, order))
        for place in range(len(test))
    ]
    np.testing.assert_allclose(nats, expected, rtol=1e-10)


def test_probabilities_sum_to_one() -> None:
    model = KneserNey(np.array(tokens(120, 0)), VOCABULARY, 3)

    for before in ([3, 4], [4, 1], [0]):
        rows = [model.nats(np.array([*before, token]))[-1] for token in range(VOCABULARY)]
        assert np.exp(-np.array(rows)).sum() == pytest.approx(1, abs=1e-12)


def test_more_of_what_came_before_helps() -> None:
    train, test = np.array(tokens(3000, 0)), np.array(tokens(500, 1))

    one, two = (KneserNey(train, VOCABULARY, order).nats(test).mean() for order in (1, 2))

    assert two < one - 0.2
