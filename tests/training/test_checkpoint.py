"""Checkpoints: going on bit for bit, which of them count, which are kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from tests.training.runs import EPOCHS, StopAt, checkpoint, make, never, weights
from tests.training.tiny import ALONE, linear_trainer
from training import checkpoint as checkpoints
from training.errors import Interrupted, InvalidCheckpoint
from training.state import snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from training.trainer import Trainer


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint at the end of each epoch, whatever it costs."""
    monkeypatch.setattr(checkpoints, "SHARE", float("inf"))


def stopped(folder: Path, dataset, step: int, overrides=EPOCHS) -> Path:
    """The checkpoint of a run that was stopped before this step."""
    with pytest.raises(Interrupted):
        make(dataset, overrides).run(checkpoint(folder, dataset, overrides), StopAt(step))
    return folder / f"step-{step}"


def resumed(folder: Path, dataset, overrides=EPOCHS) -> Trainer:
    trainer = make(dataset, overrides)
    trainer.network.apply(lambda layer: [p.data.zero_() for p in layer.parameters()])
    torch.rand(7)  # wherever the generator stands now
    trainer.run(checkpoint(folder, dataset, overrides), never)
    return trainer


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, dataset) -> Trainer:
    """Three epochs without an interruption."""
    trainer = make(dataset)
    trainer.run(checkpoint(tmp_path_factory.mktemp("whole"), dataset), never)
    return trainer


# In the first step, within an epoch, between two, and in the last step of all.
@pytest.mark.parametrize("step", [0, 100, 148, 221])
def test_resumed_run_is_bit_identical(tmp_path: Path, dataset, whole: Trainer, step: int):
    stopped(tmp_path, dataset, step)
    again = resumed(tmp_path, dataset)
    assert weights(again) == weights(whole)
    assert again.curve == whole.curve


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
    "accumulation": "2",
}


@pytest.fixture(scope="module")
def whole_of_everything(tmp_path_factory: pytest.TempPathFactory, dataset) -> Trainer:
    trainer = make(dataset, EVERYTHING)
    trainer.run(checkpoint(tmp_path_factory.mktemp("whole"), dataset, EVERYTHING), never)
    return trainer


@pytest.mark.parametrize("step", [5, 38, 60])
def test_resumed_run_is_bit_identical_with_every_setting(
    tmp_path: Path, dataset, whole_of_everything: Trainer, step: int
):
    stopped(tmp_path, dataset, step, EVERYTHING)
    again = resumed(tmp_path, dataset, EVERYTHING)
    assert weights(again) == weights(whole_of_everything)
    assert again.curve == whole_of_everything.curve


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_optimizer_goes_on_bit_for_bit(tmp_path: Path, dataset, optimizer: str):
    overrides = {"epochs": "2", "batch_size": "200", "optimizer": optimizer, "keep": "last"}
    undisturbed = make(dataset, overrides)
    undisturbed.run(checkpoint(tmp_path / "whole", dataset, overrides), never)
    stopped(tmp_path, dataset, 4, overrides)
    assert weights(resumed(tmp_path, dataset, overrides)) == weights(undisturbed)


def test_early_stopping_counts_on_over_an_interruption(tmp_path: Path, dataset, always):
    changes = {"epochs": 20, "patience": 3}
    with pytest.raises(Interrupted):
        linear_trainer(-1.0, **changes).run(checkpoint(tmp_path, dataset), StopAt(3))
    again = linear_trainer(-1.0, **changes)
    again.run(checkpoint(tmp_path, dataset), never)
    assert again.epoch == 4
    once_more = linear_trainer(-1.0, **changes)
    once_more.run(checkpoint(tmp_path, dataset), StopAt(0))
    assert once_more.epoch == 4


@pytest.mark.parametrize("changes", [{}, {"patience": "1", "min_delta": "10", "keep": "last"}])
def test_finished_run_is_gone_on_from_without_a_step(tmp_path: Path, dataset, changes):
    overrides = EPOCHS | changes
    done = make(dataset, overrides)
    kept = done.run(checkpoint(tmp_path, dataset, overrides), never)
    assert [folder.name for folder in tmp_path.iterdir()] == [f"step-{done.step}"]
    again = make(dataset, overrides)
    assert again.run(checkpoint(tmp_path, dataset, overrides), StopAt(0)) == kept
    assert weights(again) == weights(done)
    assert again.curve == done.curve


def killed(folder: Path, dataset, step: int) -> None:
    """A run that ends before this step without a word."""

    def kill() -> bool:
        if trainer.step == step:
            raise KeyboardInterrupt
        return False

    trainer = make(dataset)
    with pytest.raises(KeyboardInterrupt):
        trainer.run(checkpoint(folder, dataset), kill)


def test_killed_run_goes_on_from_the_last_epoch(tmp_path: Path, dataset, whole, always, capsys):
    killed(tmp_path, dataset, 160)
    capsys.readouterr()
    again = resumed(tmp_path, dataset)
    assert capsys.readouterr().out.startswith("resumed_epoch=3 resumed_step=148\n")
    assert weights(again) == weights(whole)


def test_within_an_epoch_when_its_time_has_come(tmp_path: Path, dataset, monkeypatch):
    monkeypatch.setattr(checkpoints.Checkpoint, "due", True)
    killed(tmp_path, dataset, 5)
    assert {folder.name for folder in tmp_path.iterdir()} == {"step-4", "step-3"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, as checkpoints see it."""
    now = [1000.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    return now


def test_due_when_the_last_is_as_old_as_the_recipe_says(tmp_path: Path, dataset, clock):
    own = checkpoint(tmp_path, dataset, {"checkpoint_minutes": "2"})
    clock[0] += 119
    assert not own.due
    clock[0] += 1
    assert own.due
    own.save(1, snapshot(make(dataset)), ALONE)
    assert not own.due


def test_after_an_epoch_when_it_takes_a_twentieth_of_the_time(
    tmp_path: Path, dataset, clock, monkeypatch
):
    own = checkpoint(tmp_path, dataset)
    clock[0] += 9
    assert not own.cheap
    clock[0] += 1
    assert own.cheap

    def write_slowly(*_: object) -> None:
        clock[0] += 3

    monkeypatch.setattr(checkpoints, "write", write_slowly)
    own.save(1, snapshot(make(dataset)), ALONE)
    clock[0] += 59
    assert not own.cheap
    clock[0] += 1
    assert own.cheap


def test_finished_run_is_not_trained_again(tmp_path: Path, dataset, whole: Trainer, always):
    make(dataset).run(checkpoint(tmp_path, dataset), never)
    again = make(dataset)
    again.run(checkpoint(tmp_path, dataset), StopAt(0))
    assert weights(again) == weights(whole)


def test_the_newest_two_are_kept_and_older_ones_read_where_they_are_broken(
    tmp_path: Path, dataset, whole: Trainer, always
):
    make(dataset).run(checkpoint(tmp_path, dataset), never)
    assert {folder.name for folder in tmp_path.iterdir()} == {"step-148", "step-222"}
    # As if the machine had ended while the newest was copied away.
    file = max((tmp_path / "step-222").glob("*.distcp"))
    file.write_bytes(file.read_bytes()[:-1])
    again = resumed(tmp_path, dataset)
    assert weights(again) == weights(whole)
    assert again.step == 222


@pytest.mark.parametrize("missing", ["manifest.json", "metadata", "__0_0.distcp"])
def test_one_that_lacks_a_file_does_not_count(tmp_path: Path, dataset, missing: str, capsys):
    folder = stopped(tmp_path, dataset, 80)
    assert {file.name for file in folder.iterdir()} == {"manifest.json", "metadata", "__0_0.distcp"}
    (folder / missing).unlink()
    assert checkpoint(tmp_path, dataset).load(ALONE) is None
    assert not list(tmp_path.iterdir())


def test_manifest_says_what_it_is(tmp_path: Path, dataset):
    folder = stopped(tmp_path, dataset, 80)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["processes"] == 1
    assert (manifest["state"]["epoch"], manifest["state"]["row"]) == (1, 6 * 16)
    assert manifest["files"]["metadata"] == (folder / "metadata").stat().st_size


def test_checkpoint_of_other_settings_is_refused(tmp_path: Path, dataset):
    stopped(tmp_path, dataset, 1)
    expected = "got that of another job; empty the checkpoint folder to train from the start: "
    with pytest.raises(InvalidCheckpoint, match=f"{expected}{tmp_path}$"):
        resumed(tmp_path, dataset, {"epochs": "4"})


def test_how_the_work_is_laid_out_may_change(tmp_path: Path, dataset, whole: Trainer):
    stopped(tmp_path, dataset, 100)
    other = {**EPOCHS, "checkpoint_minutes": "1", "strategy": "fsdp"}
    assert weights(resumed(tmp_path, dataset, other)) == weights(whole)


@pytest.mark.parametrize("name", ["metadata", "__0_0.distcp"])
def test_broken_checkpoint_is_refused(tmp_path: Path, dataset, name: str):
    file = stopped(tmp_path, dataset, 80) / name
    file.write_bytes(b"x" * file.stat().st_size)
    with pytest.raises(InvalidCheckpoint, match="got a file that cannot be read"):
        resumed(tmp_path, dataset)
