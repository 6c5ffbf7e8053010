from __future__ import annotations

import numpy as np

from training.data.texts.rows import TextRows, by_length, encode
from training.data.texts.tokenizer import FIRST, PAD, SMALLEST, train_tokenizer

TEXTS = ["the rain falls, the rain ends", "the sun", "rain"] * 3
LABELS = np.array([1, 0, 1] * 3)


def tokenizer(max_tokens: int = 16):
    return train_tokenizer(TEXTS, vocabulary=SMALLEST + 20, max_tokens=max_tokens)


def test_equal_texts_give_an_equal_tokenizer() -> None:
    assert tokenizer().to_str() == tokenizer().to_str()


def test_texts_come_back_from_their_tokens() -> None:
    learned = tokenizer()
    rows = encode(TEXTS, LABELS, learned)

    ids, labels = rows.take(np.array([1, 0]))

    assert labels.tolist() == [0, 1]
    assert ids.dtype == np.int64
    assert ids[:, 0].tolist() == [FIRST, FIRST]
    assert learned.decode_batch(ids.tolist()) == [f" {TEXTS[1]}", f" {TEXTS[0]}"]
    assert (ids[0] == PAD).sum() == ids.shape[1] - rows.lengths[1]


def test_a_sign_that_was_never_seen_is_its_bytes() -> None:
    learned = tokenizer()

    assert learned.decode(learned.encode("☂").ids) == " ☂"


def test_a_long_text_is_cut() -> None:
    rows = encode(["rain " * 50, "rain", "rain " * 8], LABELS[:3], tokenizer(max_tokens=8))

    assert rows.lengths.tolist() == [8, 2, 8]
    assert rows.cut == 2


def test_a_batch_is_of_about_one_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 1000)

    order = by_length(lengths, np.random.default_rng(1), 16)
    again = by_length(lengths, np.random.default_rng(1), 16)
    other = by_length(lengths, np.random.default_rng(2), 16)

    assert sorted(order) == list(range(1000))
    assert (order == again).all()
    assert (order != other).any()
    spread = [np.ptp(lengths[order[start : start + 16]]) for start in range(0, 992, 16)]
    assert np.mean(spread) < 10
    # Neither short rows first nor long ones.
    means = [lengths[order[start : start + 16]].mean() for start in range(0, 992, 16)]
    assert abs(np.corrcoef(np.arange(len(means)), means)[0, 1]) < 0.3


def test_rows_stand_for_their_texts() -> None:
    rows = TextRows(("a", "b"), np.array([2, 5, 2, 7, 8]), np.array([0, 2, 5]), np.array([0, 1]))

    assert rows.take(np.array([0, 1]))[0].tolist() == [[2, 5, 0], [2, 7, 8]]
    assert len(rows) == 2
