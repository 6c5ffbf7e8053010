"""Losses against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.tiny import settings
from training.families.tabular.network import Classifier
from training.losses import balanced_weights, make_loss

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0], [1.0, 1.0, 1.0], [-4.0, 0.0, 6.0]])
LABELS = np.array([0, 2, 2, 2])
NUMBERS = np.array([[0.5], [-2.0], [3.0], [0.0]])
TARGETS = np.array([[0.0], [1.0], [2.5], [0.1]])


def loss_of(outputs, targets, classes: int = 3, **changes) -> float:
    targets = torch.from_numpy(targets)
    loss = make_loss(settings(**changes), targets, classes)
    rows = loss(torch.tensor(outputs), targets)
    assert rows.shape == (len(targets),)
    return float(rows.mean())


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def crossentropy(**changes) -> float:
    return loss_of(LOGITS, LABELS, loss="sparse_categorical_crossentropy", **changes)


def test_crossentropy_is_the_mean_surprise():
    assert crossentropy() == pytest.approx(-log_softmax(LOGITS)[range(4), LABELS].mean())


def test_label_smoothing_spreads_a_share_over_all_classes():
    share = 0.3
    wanted = np.eye(3)[LABELS] * (1 - share) + share / 3
    expected = -(wanted * log_softmax(LOGITS)).sum(axis=1).mean()
    assert crossentropy(label_smoothing=share) == pytest.approx(expected)


def binary_rows() -> np.ndarray:
    chance = 1 / (1 + np.exp(-LOGITS))
    answers = np.eye(3)[LABELS]
    return -(answers * np.log(chance) + (1 - answers) * np.log(1 - chance)).mean(axis=1)


def test_binary_crossentropy_asks_for_each_class_alone():
    assert loss_of(LOGITS, LABELS, loss="binary_crossentropy") == pytest.approx(
        binary_rows().mean()
    )


def test_mse():
    expected = np.square(NUMBERS - TARGETS).mean()
    assert loss_of(NUMBERS, TARGETS, loss="mse") == pytest.approx(expected)


def test_mae():
    expected = np.abs(NUMBERS - TARGETS).mean()
    assert loss_of(NUMBERS, TARGETS, loss="mae") == pytest.approx(expected)


@pytest.mark.parametrize("delta", [0.2, 1.0, 10.0])
def test_huber_is_square_within_delta_and_straight_beyond(delta: float):
    far = np.abs(NUMBERS - TARGETS)
    expected = np.where(far <= delta, far**2 / 2, delta * (far - delta / 2)).mean()
    assert loss_of(NUMBERS, TARGETS, loss="huber", huber_delta=delta) == pytest.approx(expected)


def test_balanced_weights():
    weights = balanced_weights(torch.tensor([0, 2, 2, 2]), 3)
    assert weights.tolist() == pytest.approx([4 / 3, 0, 4 / 9])


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "binary_crossentropy"])
def test_balanced_weights_equal_repeated_rows(loss: str):
    # Three rows of the class 2 and one of the class 0, which is repeated to be three as well.
    logits, labels = LOGITS[:, [0, 2]], np.array([0, 1, 1, 1])
    weighted = loss_of(logits, labels, classes=2, loss=loss, class_weights="balanced")
    repeated = [0, 0, 0, 1, 2, 3]
    assert weighted == pytest.approx(loss_of(logits[repeated], labels[repeated], loss=loss))


def test_balanced_weights_are_of_all_training_rows_not_of_the_batch():
    every = torch.from_numpy(LABELS)
    loss = make_loss(
        settings(loss="sparse_categorical_crossentropy", class_weights="balanced"), every, 3
    )
    batches = [loss(torch.tensor(LOGITS[[i]]), every[[i]]) for i in range(4)]
    assert float(sum(map(float, batches))) / 4 == pytest.approx(
        crossentropy(class_weights="balanced")
    )


@pytest.mark.parametrize("lowered", [0.0, 200.0])
def test_what_is_served_after_one_against_the_rest_are_its_chances_over_their_sum(lowered: float):
    logits = torch.from_numpy(LOGITS - lowered)
    network = Classifier(nn.Identity(), against_the_rest=True)
    chances = 1 / (1 + np.exp(lowered - LOGITS))
    expected = chances / chances.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(network(logits.float()).numpy(), expected, rtol=1e-4)
