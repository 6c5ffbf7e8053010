"""What progress says of speed, of what is left, and of the GPUs' use."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.tiny import ALONE
from training import pace, utilization
from training.errors import TrainingError
from training.pace import Pace
from training.utilization import flops_per_row, peak
from training.world import World, join_world

ROW = torch.Size([128])


class Counted(nn.Module):
    def flops_per_sample(self) -> float:
        return 1e9


class CountedByToken(nn.Module):
    def flops_per_token(self, context: int) -> float:
        return 10.0 * context


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, as the pace sees it."""
    now = [50.0]
    monkeypatch.setattr(pace.time, "perf_counter", lambda: now[0])
    return now


def test_rates_are_of_their_stretch_and_what_is_left_is_of_the_whole_run(clock):
    run = Pace(nn.Identity(), ALONE, step=10, steps=40)
    features = torch.zeros(5, 3)
    run.begin_epoch()
    for _ in range(2):
        clock[0] += 5
        run.take(100, features)
    assert run.of_line(12) == {"samples_per_s": "20", "eta_s": "140"}
    assert not run.line_due
    clock[0] += 10
    run.take(400, features)
    assert run.line_due
    assert run.of_line(13)["samples_per_s"] == "40"
    assert run.of_epoch(13) == {"samples_per_s": "30", "eta_s": "180"}
    # Between epochs there is validation, which is to come again as well.
    clock[0] += 10
    run.begin_epoch()
    clock[0] += 10
    run.take(100, features)
    assert run.of_epoch(14) == {"samples_per_s": "10", "eta_s": "260"}


def test_nothing_is_said_of_a_cpus_use(clock):
    run = Pace(Counted(), ALONE, step=0, steps=1)
    clock[0] += 1
    run.take(100, torch.zeros(1, *ROW))
    assert "mfu" not in run.of_epoch(1)


def test_use_of_two_gpus_is_what_the_model_needs_over_what_both_could_do(
    clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H100 80GB HBM3")
    world: Any = SimpleNamespace(device=torch.device("cuda", 0), size=2)
    run = Pace(Counted(), world, step=0, steps=1)
    clock[0] += 1
    run.take(791_200, torch.zeros(1, *ROW))
    # 791200 rows in a second of 1e9 operations each, of 2 * 989e12.
    assert run.of_epoch(1)["mfu"] == "0.400"
    assert utilization.utilization(nn.Identity(), ROW, 1.0, world) is None


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA A10G", None),
    ],
)
def test_peaks_by_the_devices_name(name: str, operations: float | None):
    assert peak(name) == operations


def test_operations_are_the_networks_to_say():
    assert flops_per_row(Counted(), ROW) == 1e9
    assert flops_per_row(CountedByToken(), ROW) == 10 * 128 * 128
    assert flops_per_row(nn.Identity(), ROW) is None


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    place = {"WORLD_SIZE": "3", "RANK": "2", "LOCAL_RANK": "2", "LOCAL_WORLD_SIZE": "3"}
    with pytest.raises(TrainingError, match=r"processes: expected at most 2, one for .* got 3"):
        join_world(place)


def test_alone_without_torchrun():
    assert join_world({}) == World(0, 1, torch.device("cpu"))
