"""Figures of a split of text."""

from __future__ import annotations

import math

import numpy as np
import pytest

from training.evaluation.tokens import evaluate_tokens

NATS = np.array([6.0, 2.0, 10.0])
TOKENS = np.array([2, 1, 5])
CHARACTERS = np.array([9, 3, 24])


def test_figures_weigh_each_token_alike_whatever_its_row():
    found = evaluate_tokens(NATS, TOKENS, CHARACTERS)
    assert (found.rows, found.tokens, found.characters) == (3, 8, 36)
    assert (found.nats_per_token, found.nats_per_character) == (18 / 8, 18 / 36)
    assert found.perplexity == pytest.approx(math.exp(18 / 8))


def test_uniform_probabilities_have_the_vocabulary_for_perplexity():
    tokens = np.array([3, 4])
    found = evaluate_tokens(tokens * math.log(4096), tokens, tokens * 5)
    assert found.perplexity == pytest.approx(4096)
    # Each row is as surprising as the other, so nothing depends on which are drawn.
    assert found.document()["intervals"]["perplexity"] == pytest.approx((4096, 4096))


def test_every_figure_lies_in_its_interval():
    document = evaluate_tokens(NATS, TOKENS, CHARACTERS).document()
    assert set(document["intervals"]) == {"nats_per_token", "nats_per_character", "perplexity"}
    for name, (low, high) in document["intervals"].items():
        assert low < document[name] < high


def test_row_without_characters_leaves_the_other_figures():
    # Drawn three times alone it has no characters to be a mean over.
    found = evaluate_tokens(NATS, TOKENS, np.array([9, 0, 24])).document()
    assert found["nats_per_character"] == 18 / 33
    assert found["intervals"]["nats_per_character"] is None
    low, high = found["intervals"]["nats_per_token"]
    assert low < found["nats_per_token"] < high


def test_one_row_has_no_intervals():
    found = evaluate_tokens(NATS[:1], TOKENS[:1], CHARACTERS[:1]).document()
    assert set(found["intervals"].values()) == {None}
