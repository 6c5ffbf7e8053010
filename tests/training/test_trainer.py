"""The loop: resuming, keeping an epoch, stopping when the loss is no number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from training.checkpoint import Checkpoint
from training.errors import Diverged, Interrupted, InvalidCheckpoint
from training.families.tabular import TabularNetwork
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
    return Trainer(TabularNetwork(recipe.network, dataset), recipe, dataset)


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
    first = trainer._order(100)
    trainer.epoch = 1
    assert not torch.equal(first, trainer._order(100))
    assert sorted(first.tolist()) == list(range(100))


def test_best_epoch_is_kept(tmp_path: Path, dataset):
    trainer = make(dataset)
    kept = trainer.run(checkpoint(tmp_path, dataset), never)
    best = max(trainer.curve, key=lambda point: (point["val_accuracy"], -point["val_loss"]))
    assert kept == best["epoch"]
    assert trainer._validate().items() <= best.items()


def test_last_epoch_is_kept_when_asked_for(tmp_path: Path, dataset):
    overrides = {"epochs": "2", "keep": "last"}
    trainer = make(dataset, overrides)
    assert trainer.run(checkpoint(tmp_path, dataset, overrides), never) == 2
    assert trainer._validate()["val_loss"] == trainer.curve[-1]["val_loss"]


def test_loss_that_is_no_number_ends_it(tmp_path: Path, dataset):
    overrides = {"epochs": "1", "optimizer": "sgd", "learning_rate": "10", "hidden": "512,512"}
    trainer = make(dataset, overrides)
    with torch.no_grad():
        trainer.network.layers[0].weight.fill_(float("nan"))
    with pytest.raises(Diverged, match=r"epoch 1: expected a finite .* got nan; lower"):
        trainer.run(checkpoint(tmp_path, dataset, overrides), never)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_every_optimizer_learns(tmp_path: Path, dataset, optimizer: str):
    overrides = {"epochs": "2", "optimizer": optimizer}
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
