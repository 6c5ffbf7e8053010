"""Learning rates at chosen steps, and against PyTorch's own schedules."""

from __future__ import annotations

import math

import pytest
import torch
from torch.optim import lr_scheduler

from tests.training.tiny import settings
from training.schedules import rate_fraction

STEPS = 5  # in an epoch
EPOCHS = 8


def fractions(**changes) -> list[float]:
    chosen = settings(epochs=EPOCHS, **changes)
    return [rate_fraction(chosen, step, STEPS) for step in range(EPOCHS * STEPS)]


def theirs(make) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule, rates = make(optimizer), []
    for _ in range(EPOCHS * STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def test_constant():
    assert set(fractions()) == {1.0}


def test_linear():
    found = fractions(schedule="linear", final_fraction=0.2)
    assert found[0] == 1.0
    assert found[20] == pytest.approx(0.6)
    assert found[39] == pytest.approx(0.2 + 0.8 / 40)


def test_cosine():
    found = fractions(schedule="cosine", final_fraction=0.2)
    assert found[0] == 1.0
    assert found[10] == pytest.approx(0.2 + 0.8 * (1 + math.sqrt(0.5)) / 2)
    assert found[20] == pytest.approx(0.6)


def test_step_falls_at_whole_epochs():
    found = fractions(schedule="step", step_epochs=3, decay=0.5)
    assert found == [1.0] * 15 + [0.5] * 15 + [0.25] * 10


def test_exponential_falls_by_the_decay_in_an_epoch():
    found = fractions(schedule="exponential", decay=0.5)
    assert [found[epoch * STEPS] for epoch in range(4)] == pytest.approx([1, 0.5, 0.25, 0.125])
    assert found[1] == pytest.approx(0.5**0.2)


@pytest.mark.parametrize(
    ("changes", "make"),
    [
        (
            {"schedule": "linear", "final_fraction": 0.3},
            lambda o: lr_scheduler.LinearLR(o, 1.0, 0.3, total_iters=EPOCHS * STEPS),
        ),
        (
            {"schedule": "cosine", "final_fraction": 0.3},
            lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS * STEPS, eta_min=0.3),
        ),
        (
            {"schedule": "step", "step_epochs": 2, "decay": 0.7},
            lambda o: lr_scheduler.StepLR(o, 2 * STEPS, gamma=0.7),
        ),
        (
            {"schedule": "exponential", "decay": 0.7},
            lambda o: lr_scheduler.ExponentialLR(o, gamma=0.7 ** (1 / STEPS)),
        ),
    ],
)
def test_same_rates_as_pytorchs(changes, make):
    assert fractions(**changes) == pytest.approx(theirs(make), rel=1e-9)


def test_warm_up_rises_to_the_whole_rate_at_its_last_step():
    found = fractions(warmup_epochs=1.6)
    assert found[:8] == pytest.approx([(step + 1) / 8 for step in range(8)])
    assert set(found[7:]) == {1.0}


def test_schedule_begins_after_the_warm_up():
    found = fractions(warmup_epochs=2.0, schedule="linear", final_fraction=0.0)
    assert found[9:12] == pytest.approx([1.0, 1.0, 29 / 30])
    assert found[-1] == pytest.approx(1 / 30)


def test_nothing_but_warm_up():
    assert fractions(warmup_epochs=8.0, schedule="cosine", final_fraction=0.0)[-1] == 1.0
