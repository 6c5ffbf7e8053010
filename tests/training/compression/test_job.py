"""A job that compresses: pruned, fine-tuned, quantized, and resumed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infermeter.manifest import Manifest
from training.errors import Interrupted, InvalidSetting
from training.job import Job
from training.pipeline import run_job
from training.recipe import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STEPS_PER_EPOCH = 79


def run(root: Path, overrides: dict[str, str], stop: Callable[[], bool] = lambda: False) -> None:
    recipe = load("tabular", {"epochs": "2", "finetuning_epochs": "1", **overrides})
    run_job(Job(root, "tabular", {}, None), recipe, stop)


def after(calls: int) -> Callable[[], bool]:
    """Says stop when asked so often."""
    asked = iter(range(calls))
    return lambda: next(asked, None) is None


def test_pruned_finetuned_and_quantized(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run(
        tmp_path,
        {"pruning": "structured", "quantization": "static_int8", "quality_loss": "0.5"},
    )
    manifest = Manifest.from_json((tmp_path / "model" / "manifest.json").read_bytes())
    said = manifest.lineage["compression"]
    # 10-64-64-10 became 10-32-32-10.
    assert said["pruned"] == {"parameters": 1738, "zeros": 0.0, "epoch_kept": 1}
    names = [step["step"] for step in said["steps"]]
    assert names == ["dense", "structured pruning of 0.5", "static_int8"]
    sizes = [step["bytes"] for step in said["steps"]]
    assert sizes[2] == manifest.size < sizes[0]
    assert manifest.lineage["training"]["epoch_kept"] in {1, 2}
    measured = json.loads((tmp_path / "model" / "evaluation" / "compression.json").read_bytes())
    assert len(measured["finetuning"]) == 1
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if line.startswith(f"dense_bytes={sizes[0]} "))
    assert f" compressed_bytes={sizes[2]} times_as_fast_at_1=" in line
    (line,) = (line for line in lines if line.startswith("compression="))
    assert line.endswith("within the 0.5 allowed; the compressed model is exported")


def test_stopped_while_finetuning_under_the_mask_it_ends_with_the_same_model(tmp_path: Path):
    overrides = {"pruning": "unstructured", "pruned_share": "0.6", "quality_loss": "0.5"}
    run(tmp_path / "whole", overrides)
    with pytest.raises(Interrupted):
        run(tmp_path / "parts", overrides, after(2 * STEPS_PER_EPOCH + 30))
    assert (tmp_path / "parts" / "checkpoints" / "finetuning").exists()
    assert not (tmp_path / "parts" / "model").exists()
    run(tmp_path / "parts", overrides)
    for name in ("model.onnx", "manifest.json"):
        whole, parts = (tmp_path / job / "model" / name for job in ("whole", "parts"))
        assert whole.read_bytes() == parts.read_bytes()
    manifest = Manifest.from_json((tmp_path / "parts" / "model" / "manifest.json").read_bytes())
    said = manifest.lineage["compression"]
    assert said["pruned"]["zeros"] == pytest.approx(0.6, abs=0.01)
    dense, sparse = said["steps"]
    assert sparse["bytes"] == pytest.approx(dense["bytes"], rel=0.01)
    assert sparse["gzip_bytes"] < 0.7 * dense["gzip_bytes"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"clusters": "1"}, "'clusters': expected 0 for none, or from 2 to 256, got 1"),
        (
            {"clusters": "16", "quantization": "static_int8"},
            "'clusters': expected 0 with quantization static_int8",
        ),
        ({"pruned_share": "0.5"}, "'pruned_share': expected it with pruning unstructured or"),
        (
            {"pruning": "structured", "pruned_share": "0"},
            "'pruned_share': expected more than 0 with pruning, got 0",
        ),
        (
            {"pruning": "structured", "finetuning_rate": "0"},
            "'finetuning_rate': expected more than 0 with epochs, got 0",
        ),
        (
            {"pruning": "unstructured", "strategy": "fsdp"},
            "'pruning': expected structured or none with strategy fsdp",
        ),
        ({"quantization": "int8"}, "'quantization': expected one of none, dynamic_int8,"),
    ],
)
def test_settings_that_do_not_go_together(overrides: dict[str, str], message: str):
    with pytest.raises(InvalidSetting, match=message):
        load("tabular", overrides)


def test_defaults_come_with_pruning():
    plain, pruned = (
        load("tabular", given).compression for given in ({}, {"pruning": "structured"})
    )
    assert not plain.asked
    assert (plain.pruned_share, plain.finetuning_epochs, plain.finetuning_rate) == (0.0, 0, 0.0)
    assert (pruned.pruned_share, pruned.finetuning_epochs, pruned.finetuning_rate) == (0.5, 5, 0.3)
