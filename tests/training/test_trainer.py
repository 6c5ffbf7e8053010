"""The loop: resuming, keeping an epoch, stopping when the loss is no number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.training.tiny import ALONE, TRUTH, Forgetful, linear_trainer, trained
from training.checkpoint import Checkpoint
from training.errors import Diverged, Interrupted, InvalidCheckpoint
from training.families.opening import open_family
from training.recipe import load
from training.trainer import Trainer

if TYPE_CHECKING:
    from pathlib import Path

EPOCHS = {"epochs": "3"}


class StopAt:
    """Asks to stop before the step of this number."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def never() -> bool:
    return False


def make(dataset, overrides=EPOCHS) -> Trainer:
    recipe = load("tabular", overrides)
    torch.manual_seed(recipe.seed)
    family = open_family(recipe)
    (stage,) = family.stages(family.network(dataset), dataset)
    return Trainer(stage, recipe, ALONE)


def checkpoint(folder: Path, dataset, overrides=EPOCHS) -> Checkpoint:
    return Checkpoint(folder, load("tabular", overrides), dataset)


def weights(trainer: Trainer) -> list[bytes]:
    return [value.numpy().tobytes() for value in trainer.network.state_dict().values()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, dataset) -> Trainer:
    """Three epochs without an interruption."""
    trainer = make(dataset)
    trainer.run(checkpoint(tmp_path_factory.mktemp("whole"), dataset), never)
    return trainer


# In the first step, within an epoch, between two, and in the last step of all.
@pytest.mark.parametrize("step", [0, 100, 148, 221])
def test_resumed_run_is_bit_identical(tmp_path: Path, dataset, whole: Trainer, step: int):
    with pytest.raises(Interrupted, match=f"after step {step};"):
        make(dataset).run(checkpoint(tmp_path, dataset), StopAt(step))
    resumed = make(dataset)
    resumed.network.apply(lambda layer: [p.data.zero_() for p in layer.parameters()])
    resumed.run(checkpoint(tmp_path, dataset), never)
    assert weights(resumed) == weights(whole)
    assert resumed.curve == whole.curve


# Everything that has a state of its own, or draws: the rate of the step, momentum, dropout's
# generator, what early stopping has seen.
EVERYTHING = {
    "epochs": "4",
    "batch_size": "64",
    "optimizer": "sgd",
    "nesterov": "true",
    "learning_rate": "0.1",
    "schedule": "cosine",
    "warmup_epochs": "0.5",
    "dropout": "0.3",
    "clip_norm": "1",
    "l1": "1e-4",
    "l2": "1e-4",
    "patience": "2",
    "class_weights": "balanced",
    "label_smoothing": "0.1",
    "initialization": "kaiming_normal",
}


@pytest.mark.parametrize("step", [5, 38, 60])
def test_resumed_run_is_bit_identical_with_every_setting(tmp_path: Path, dataset, step: int):
    undisturbed = make(dataset, EVERYTHING)
    undisturbed.run(checkpoint(tmp_path / "whole", dataset, EVERYTHING), never)
    with pytest.raises(Interrupted):
        make(dataset, EVERYTHING).run(
            checkpoint(tmp_path / "stopped", dataset, EVERYTHING), StopAt(step)
        )
    resumed = make(dataset, EVERYTHING)
    torch.rand(7)  # wherever the generator stands now
    resumed.run(checkpoint(tmp_path / "stopped", dataset, EVERYTHING), never)
    assert weights(resumed) == weights(undisturbed)
    assert resumed.curve == undisturbed.curve


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


def test_early_stopping_counts_on_over_an_interruption(tmp_path: Path, dataset):
    changes = {"epochs": 20, "patience": 3}
    with pytest.raises(Interrupted):
        linear_trainer(-1.0, **changes).run(checkpoint(tmp_path, dataset), StopAt(3))
    resumed = linear_trainer(-1.0, **changes)
    resumed.run(checkpoint(tmp_path, dataset), never)
    assert resumed.epoch == 4
    again = linear_trainer(-1.0, **changes)
    again.run(checkpoint(tmp_path, dataset), StopAt(0))
    assert again.epoch == 4


def test_run_killed_between_epochs_goes_on_from_the_last(tmp_path: Path, dataset, whole: Trainer):
    def kill() -> bool:
        if first.step == 160:
            raise KeyboardInterrupt
        return False

    first = make(dataset)
    with pytest.raises(KeyboardInterrupt):
        first.run(checkpoint(tmp_path, dataset), kill)
    resumed = make(dataset)
    resumed.run(checkpoint(tmp_path, dataset), never)
    assert weights(resumed) == weights(whole)


def test_finished_run_is_not_trained_again(tmp_path: Path, dataset, whole: Trainer):
    make(dataset).run(checkpoint(tmp_path, dataset), never)
    again = make(dataset)
    again.run(checkpoint(tmp_path, dataset), StopAt(0))
    assert weights(again) == weights(whole)


def test_checkpoint_of_other_settings_is_refused(tmp_path: Path, dataset):
    with pytest.raises(Interrupted):
        make(dataset).run(checkpoint(tmp_path, dataset), StopAt(1))
    other = {"epochs": "4"}
    with pytest.raises(InvalidCheckpoint, match="got that of another job; empty the checkpoint"):
        make(dataset, other).run(checkpoint(tmp_path, dataset, other), never)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04"])
def test_broken_checkpoint_is_refused(tmp_path: Path, dataset, content: bytes):
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(InvalidCheckpoint, match="got a file that cannot be read"):
        make(dataset).run(checkpoint(tmp_path, dataset), never)


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
        *("epoch", "step", "train_loss", "val_loss", "val_accuracy", "lr", "samples_per_s")
    ]
    assert (fields["epoch"], fields["step"], fields["lr"]) == ("1", "74", "3.0e-03")


def test_rate_of_the_last_step_is_shown_for_each_epoch(capsys: pytest.CaptureFixture[str]):
    trainer = linear_trainer(epochs=3, schedule="exponential", decay=0.1)
    trainer.run(Forgetful(), never)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("lr=")[1][:7] for line in lines] == ["1.0e-01", "1.0e-02", "1.0e-03"]
    assert [point["learning_rate"] for point in trainer.curve] == pytest.approx([0.1, 0.01, 0.001])
