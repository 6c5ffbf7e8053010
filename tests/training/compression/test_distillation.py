"""A pruned network taught by the one that it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.tiny import ALONE
from training.compression.distillation import Distillation, Pair, taught
from training.data.dataset import ArrayRows
from training.errors import InvalidSetting
from training.objectives import Classification, Regression
from training.recipe import load
from training.stage import Stage
from training.trainer import Trainer

LABELS = np.array([0, 1, 2, 1])
LOGITS = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0], [1.0, 1.0, 0.0]])
THEIRS = LOGITS.flip(0) + torch.tensor([0.0, 1.0, 0.5])


class Forgetful:
    """A checkpoint that is never there."""

    due = cheap = False

    def load(self, *_: object) -> None:
        pass

    def save(self, *_: object) -> None:
        pass


def classification() -> Classification:
    return Classification(load("tabular", {}).training, LABELS, 3)


def test_loss_is_of_both_by_their_shares():
    objective, targets = classification(), torch.from_numpy(LABELS)
    theirs, ours = (torch.softmax(each / 2, dim=1) for each in (THEIRS, LOGITS))
    apart = 4 * (theirs * (theirs / ours).log()).sum()
    for share in (0.0, 0.3, 1.0):
        found = Distillation(objective, share).loss(torch.stack([LOGITS, THEIRS]), targets)
        expected = (1 - share) * objective.loss(LOGITS, targets) + share * apart
        torch.testing.assert_close(found, expected)


def test_single_numbers_are_apart_by_their_squares():
    objective = Regression(load("regression", {}).training)
    ours, theirs = torch.tensor([[1.0], [3.0]]), torch.tensor([[2.0], [6.0]])
    found = Distillation(objective, 1.0).loss(torch.stack([ours, theirs]), ours)
    assert found.item() == pytest.approx(1 + 9)


def test_figures_are_the_students():
    objective, targets = classification(), torch.from_numpy(LABELS)
    both = Distillation(objective, 0.5)
    outputs = torch.stack([LOGITS, THEIRS])
    assert both.measure_name == "accuracy"
    assert both.count(targets) == 4
    assert both.measure(both.scores(outputs, targets), 4) == objective.measure(
        objective.scores(LOGITS, targets), 4
    )
    assert both.rank(0.5, 2.0) == objective.rank(0.5, 2.0)


def test_teacher_is_never_in_training_and_gets_no_gradient():
    teacher = nn.Sequential(nn.Dropout(0.9), nn.Linear(4, 3))
    pair = Pair(nn.Linear(4, 3), teacher).train()
    assert pair.student.training
    assert not teacher[0].training
    rows = torch.randn(5, 4)
    torch.testing.assert_close(pair(rows)[1], teacher[1](rows))
    pair(rows).square().sum().backward()
    assert teacher[1].weight.grad is None
    assert pair.student.weight.grad is not None


def test_student_learns_what_its_teacher_says_and_not_the_labels():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    overrides = {"epochs": "12", "batch_size": "32", "keep": "last", "learning_rate": "0.03"}
    recipe = load("tabular", overrides)
    settings = recipe.training
    random = np.random.default_rng(0)
    features = random.normal(size=(256, 4)).astype(np.float32)
    labels = random.integers(0, 3, 256)
    rows = ArrayRows(features, labels, labels)
    student, teacher = nn.Linear(4, 3), nn.Linear(4, 3)
    before = teacher.weight.detach().clone()
    objective = Classification(settings, labels, 3)
    stage = taught(Stage("finetuning", student, settings, rows, rows, objective), teacher, 1.0)
    checkpoint: Any = Forgetful()
    Trainer(stage, recipe, ALONE).run(checkpoint, lambda: False)
    torch.testing.assert_close(teacher.weight, before)
    inputs = torch.from_numpy(features)
    ours, theirs = (torch.softmax(each(inputs), dim=1) for each in (student, teacher))
    assert (ours - theirs).abs().max() < 0.01


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"distillation": "0.5"}, "'distillation': expected it with pruning"),
        (
            {"pruning": "structured", "distillation": "0.5", "finetuning_epochs": "0"},
            "'finetuning_epochs': expected more than 0 to distill",
        ),
        (
            {"pruning": "structured", "distillation": "0.5", "loss": "binary_crossentropy"},
            "'distillation': expected 0 with loss binary_crossentropy",
        ),
    ],
)
def test_settings_that_do_not_go_together(overrides: dict[str, str], message: str):
    with pytest.raises(InvalidSetting, match=message):
        load("tabular", overrides)
