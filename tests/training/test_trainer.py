"""The loop: its steps, keeping an epoch, stopping when the loss is no number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.training.runs import checkpoint, make, never
from tests.training.tiny import TRUTH, Forgetful, linear_trainer, trained
from training import pace
from training.errors import Diverged

if TYPE_CHECKING:
    from pathlib import Path


def test_dropout_draws_anew_at_each_step(dataset):
    network = make(dataset, {"dropout": "0.5"}).network.train()
    rows = torch.from_numpy(dataset.train.features[:1])
    assert not torch.equal(network(rows), network(rows))
    assert torch.equal(network.eval()(rows), network(rows))


def test_dropout_follows_every_hidden_layer_and_keeps_the_mean(dataset):
    dropped = make(dataset, {"dropout": "0.25"}).network.layers[2::3]
    assert len(dropped) == 2
    ones = torch.ones(100_000)
    for layer in dropped:
        kept = layer.train()(ones)
        assert float((kept == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
        assert float(kept.max()) == pytest.approx(1 / 0.75)


def test_gradient_descent_steps_once_in_an_epoch_by_the_gradient_of_all_rows():
    # From 0 towards TRUTH, what is left is 1 - 2 * rate of it each time.
    found = trained(epochs=3, learning_rate=0.1)
    np.testing.assert_allclose(found, TRUTH * (1 - 0.8**3), rtol=1e-4, atol=1e-6)


def test_rate_of_each_step_is_the_schedules():
    # Rates of 0.05, 0.1, 0.1, and then 0.1 and 0.05 on the way down to 0 after the last.
    changes = {"warmup_epochs": 2.0, "schedule": "linear", "final_fraction": 0.0}
    found = trained(epochs=4, learning_rate=0.1, **changes)
    left = (1 - 0.1) * (1 - 0.2) * (1 - 0.2) * (1 - 0.1)
    np.testing.assert_allclose(found, TRUTH * (1 - left), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("clip_norm", [0.5, 100.0])
def test_clipping_bounds_the_norm_and_keeps_the_direction(clip_norm: float):
    # The gradient is -2 * TRUTH.
    whole = 2 * TRUTH
    norm = np.linalg.norm(whole)
    found = trained(learning_rate=1.0, clip_norm=clip_norm)
    np.testing.assert_allclose(found, whole * min(1, clip_norm / norm), rtol=1e-4, atol=1e-6)


def test_clipping_bounds_penalty_and_loss_together():
    found = trained(learning_rate=1.0, clip_norm=0.5, l1=100.0)
    assert np.linalg.norm(found) <= 0.5 + 1e-6


def test_early_stopping_ends_the_run_at_the_right_epoch(capsys: pytest.CaptureFixture[str]):
    # The validation targets are the opposite: every step is one away from them.
    trainer = linear_trainer(-1.0, epochs=20, patience=3, keep="best")
    assert trainer.run(Forgetful(), never) == 1
    assert (trainer.epoch, len(trainer.curve)) == (4, 4)
    assert capsys.readouterr().out.splitlines()[-1] == "stopped_early_after_epoch=4"


def test_early_stop_is_not_announced_after_the_last_epoch(capsys: pytest.CaptureFixture[str]):
    linear_trainer(-1.0, epochs=4, patience=3).run(Forgetful(), never)
    assert capsys.readouterr().out.splitlines()[-1].startswith("epoch=4 ")


def test_every_epoch_has_its_own_order(dataset):
    trainer = make(dataset)
    first = trainer.batches.order(0)
    assert not np.array_equal(first, trainer.batches.order(1))
    assert sorted(first) == list(range(len(dataset.train)))


def test_best_epoch_is_kept(tmp_path: Path, dataset):
    trainer = make(dataset)
    kept = trainer.run(checkpoint(tmp_path, dataset), never)
    best = max(trainer.curve, key=lambda point: (point["val_accuracy"], -point["val_loss"]))
    assert kept == best["epoch"]
    assert trainer.validate().items() <= best.items()


def test_last_epoch_is_kept_when_asked_for(tmp_path: Path, dataset):
    overrides = {"epochs": "2", "keep": "last"}
    trainer = make(dataset, overrides)
    assert trainer.run(checkpoint(tmp_path, dataset, overrides), never) == 2
    assert trainer.validate()["val_loss"] == trainer.curve[-1]["val_loss"]


def test_loss_that_is_no_number_ends_it(tmp_path: Path, dataset):
    overrides = {"epochs": "1", "optimizer": "sgd", "learning_rate": "10", "hidden": "512,512"}
    trainer = make(dataset, overrides)
    with torch.no_grad():
        trainer.network.layers[0].weight.fill_(float("nan"))
    with pytest.raises(Diverged, match=r"epoch 1: expected a finite .* got nan; lower"):
        trainer.run(checkpoint(tmp_path, dataset, overrides), never)


FULL_BATCH = {
    "optimizer": "gradient_descent",
    "batch_size": "0",
    "epochs": "100",
    "learning_rate": "0.5",
    "initialization": "kaiming_uniform",
}


@pytest.mark.parametrize(
    "overrides",
    [
        {"optimizer": "adam"},
        {"optimizer": "adamw"},
        {"optimizer": "sgd"},
        {"optimizer": "sgd", "nesterov": "true"},
        FULL_BATCH,
        {"loss": "binary_crossentropy"},
        {"class_weights": "balanced"},
        {"label_smoothing": "0.1"},
        *({"initialization": name} for name in ("xavier_normal", "orthogonal", "normal")),
    ],
)
def test_every_choice_learns(tmp_path: Path, dataset, overrides):
    overrides = {"epochs": "2", **overrides}
    trainer = make(dataset, overrides)
    trainer.run(checkpoint(tmp_path, dataset, overrides), never)
    assert trainer.curve[-1]["val_accuracy"] > 0.7


def test_progress_lines(tmp_path: Path, dataset, capsys: pytest.CaptureFixture[str]):
    make(dataset, {"epochs": "1"}).run(checkpoint(tmp_path, dataset, {"epochs": "1"}), never)
    fields = dict(field.split("=") for field in capsys.readouterr().out.split())
    assert list(fields) == [
        *("epoch", "epochs", "step", "train_loss", "val_loss", "val_accuracy"),
        *("lr", "samples_per_s", "eta_s"),
    ]
    assert (fields["epoch"], fields["step"], fields["lr"]) == ("1", "74", "3.0e-03")
    assert (fields["epochs"], fields["eta_s"]) == ("1", "0")


def test_a_line_within_a_long_epoch(monkeypatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(pace, "LINE_S", 0.0)
    trainer = linear_trainer(epochs=2, batch_size=16, optimizer="sgd")
    trainer.run(Forgetful(), never)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    starts = [line[0] for line in lines]
    assert starts[:5] == ["step=0", "step=1", "step=2", "step=3", "epoch=1"]
    names = [field.split("=")[0] for field in lines[2]]
    assert names == ["step", "train_loss", "lr", "samples_per_s", "eta_s"]
    # The mean over the epoch so far, which the last of its lines ends with.
    losses = [float(line[1].split("=")[1]) for line in lines[1:4]]
    assert losses[0] > losses[1] > losses[2] > trainer.curve[0]["train_loss"] > 0


def test_rate_of_the_last_step_is_shown_for_each_epoch(capsys: pytest.CaptureFixture[str]):
    trainer = linear_trainer(epochs=3, schedule="exponential", decay=0.1)
    trainer.run(Forgetful(), never)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("lr=")[1][:7] for line in lines] == ["1.0e-01", "1.0e-02", "1.0e-03"]
    assert [point["learning_rate"] for point in trainer.curve] == pytest.approx([0.1, 0.01, 0.001])
