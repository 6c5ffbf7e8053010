"""Several processes, bf16, compilation, accumulation: the same weights, by other ways."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import _dynamo as dynamo
from torch import nn

from tests.training.runs import checkpoint, make, never
from tests.training.spread import EVERYTHING, ROWS, STEP, STOPPED, WAYS
from tests.training.stacks import WIDTH, Block, Stack, stack_trainer
from tests.training.tiny import Forgetful
from tests.training.trees import REPOSITORY
from training.errors import InvalidSetting

if TYPE_CHECKING:
    from pathlib import Path

    from training.trainer import Trainer


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left."""
    folder = tmp_path_factory.mktemp("two")
    command = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, "-m", *command, "-m", "tests.training.spread", str(folder)],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def alone(dataset, overrides) -> Trainer:
    trainer = make(dataset, overrides)
    trainer.run(Forgetful(), never)
    return trainer


def found(trainer: Trainer) -> dict[str, Any]:
    return {"weights": trainer.stage.network.state_dict(), "curve": trainer.curve}


def assert_equal(trainer: Trainer, other: Trainer) -> None:
    assert trainer.curve == other.curve
    weights = other.stage.network.state_dict()
    for name, value in trainer.stage.network.state_dict().items():
        assert torch.equal(value, weights[name]), name


def assert_same(found: dict[str, Any], trainer: Trainer) -> None:
    weights = trainer.stage.network.state_dict()
    assert found["weights"].keys() == weights.keys()
    for name, value in weights.items():
        torch.testing.assert_close(found["weights"][name], value, rtol=1e-4, atol=1e-5)
    for point, other in zip(found["curve"], trainer.curve, strict=True):
        assert point == pytest.approx(other, rel=1e-4)


@pytest.mark.parametrize("way", [way for way in WAYS if "everything" not in way])
def test_two_processes_give_the_weights_of_one(two: Path, dataset, way: str):
    assert_same(torch.load(two / f"{way}.pt"), alone(dataset, ROWS))


@pytest.mark.parametrize("way", [way for way in WAYS if "everything" in way])
def test_two_processes_give_the_weights_of_one_with_every_setting(two: Path, dataset, way: str):
    assert_same(torch.load(two / f"{way}.pt"), alone(dataset, EVERYTHING))


@pytest.mark.parametrize("way", ["ddp", "fsdp"])
def test_two_processes_give_the_weights_of_one_to_a_stack_of_blocks(two: Path, way: str):
    trainer = stack_trainer()
    trainer.run(Forgetful(), never)
    assert_same(torch.load(two / f"stack_{way}.pt"), trainer)
    assert trainer.curve[-1]["val_accuracy"] > 0.9


def test_fsdp_holds_half_of_the_weights_in_each_of_two(two: Path):
    ddp, fsdp = (torch.load(two / f"stack_{way}.pt")["held"] for way in ("ddp", "fsdp"))
    assert ddp == sum(value.numel() for value in Stack().parameters())
    # Rows of a weight are never cut: of five there are three here.
    assert fsdp == pytest.approx(ddp / 2, rel=0.05)


@pytest.mark.parametrize("way", STOPPED)
def test_two_processes_go_on_bit_for_bit(two: Path, way: str):
    resumed, whole = (torch.load(two / f"{way}_{which}.pt") for which in ("resumed", "whole"))
    assert (two / way / f"step-{STEP}").exists()
    assert resumed["curve"] == whole["curve"]
    for name, value in whole["weights"].items():
        assert torch.equal(resumed["weights"][name], value), name


def test_one_process_goes_on_from_two(two: Path, dataset):
    """And from the parts that each of them held; only dropout then draws otherwise."""
    for way, overrides in STOPPED.items():
        folder = two / f"{way}_alone"
        shutil.copytree(two / way / f"step-{STEP}", folder / f"step-{STEP}")
        trainer = make(dataset, overrides)
        trainer.run(checkpoint(folder, dataset, overrides), never)
        whole = torch.load(two / f"{way}_whole.pt")["curve"]
        # The first epoch, of six steps, is the two processes' own.
        assert trainer.curve[0] == whole[0]
        assert trainer.curve[1]["train_loss"] == pytest.approx(whole[1]["train_loss"], rel=0.1)


def test_parts_of_a_step_add_up(dataset):
    assert_same(
        found(alone(dataset, {**EVERYTHING, "accumulation": "4"})), alone(dataset, EVERYTHING)
    )


def test_more_parts_than_rows_are_refused(dataset):
    with pytest.raises(InvalidSetting, match="'accumulation': expected at most the 16 rows of a"):
        make(dataset, {"accumulation": "17"})


def test_activation_checkpointing_computes_blocks_again_and_gives_the_same_bits(monkeypatch):
    calls: list[bool] = []
    forward = Block.forward
    monkeypatch.setattr(
        Block, "forward", lambda self, values: calls.append(self.training) or forward(self, values)
    )
    plain, spared, counts = stack_trainer(), stack_trainer(activation_checkpointing=True), []
    for trainer in (plain, spared):
        trainer.run(Forgetful(), never)
        counts.append(sum(calls))
        calls.clear()
    assert_equal(spared, plain)
    # Three blocks in each of nine steps.
    assert counts == [27, 2 * 27]
    # What was given to be trained is as it was made: no wrapper is exported.
    assert {type(block) for block in spared.stage.network.blocks} == {Block}


def test_activation_checkpointing_counts_a_batch_once_in_batch_norm():
    plain, spared = (
        stack_trainer(network=normalized(), activation_checkpointing=each) for each in (False, True)
    )
    for trainer in (plain, spared):
        trainer.run(Forgetful(), never)
    assert_equal(spared, plain)
    for block in spared.stage.network.blocks:
        assert block.norm.num_batches_tracked == 9
        assert block.norm.running_mean.any()


def normalized() -> Stack:
    torch.manual_seed(0)
    network = Stack()
    for block in network.blocks:
        block.norm = nn.BatchNorm1d(WIDTH)
    return network


def test_activation_checkpointing_of_a_network_without_blocks_is_refused(dataset):
    with pytest.raises(InvalidSetting, match="'activation_checkpointing': expected false for"):
        make(dataset, {"activation_checkpointing": "true"})


class Watched(Stack):
    """Notes what its layers compute in."""

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        outputs = super().forward(numbers)
        self.dtypes = {self.blocks[0].layer(self.embedding(numbers)).dtype, outputs.dtype}
        return outputs


def test_bf16_is_the_layers_alone():
    trainer = stack_trainer(network=Watched(), precision="bf16")
    losses: list[torch.Tensor] = []
    real = trainer.objective.loss
    trainer.objective.loss = lambda outputs, targets: (
        losses.append(outputs) or real(outputs, targets)
    )
    trainer.run(Forgetful(), never)
    assert trainer.network.dtypes == {torch.bfloat16}
    assert {outputs.dtype for outputs in losses} == {torch.float32}
    state = [value for held in trainer.optimizer.state.values() for value in held.values()]
    assert {value.dtype for value in (*trainer.network.parameters(), *state)} == {torch.float32}
    exact = stack_trainer()
    exact.run(Forgetful(), never)
    assert trainer.curve[-1]["train_loss"] == pytest.approx(exact.curve[-1]["train_loss"], rel=0.5)
    assert trainer.curve[-1]["train_loss"] != exact.curve[-1]["train_loss"]


def test_compiled_network_computes_the_same_and_is_exported_as_it_was(monkeypatch):
    # Traced and split into its two passes, but no C++ is compiled: that takes minutes here.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    dynamo.utils.counters.clear()
    compiled, plain = stack_trainer(compile=True), stack_trainer()
    for trainer in (compiled, plain):
        trainer.run(Forgetful(), never)
    assert_same(found(compiled), plain)
    assert dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert type(compiled.stage.network) is Stack
    dynamo.reset()


def test_compilation_without_a_compiler_is_refused(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(InvalidSetting, match=r"'compile': expected false without a C\+\+ compiler"):
        stack_trainer(compile=True)
