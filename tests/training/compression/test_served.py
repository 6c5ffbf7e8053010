"""Compressed tabular models, from their network to an answer of the service."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnx
import pytest
import torch
import tritonclient.http as triton
from torch import nn

from infermeter.adapters.artifacts import FolderArtifact
from infermeter.embedding import Embedding
from infermeter.manifest import Manifest
from tests.cloud import Cloud, Context, proxy_event
from training.artifact import Result, write_artifact
from training.compression.compress import check_served, compress
from training.data.tables.dataset import read_dataset
from training.errors import CompressionFailed, InvalidSetting
from training.exported import evaluate, export_network
from training.families.tabular.family import Tabular
from training.recipe import load
from training.trainer import Trainer
from training.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training.data.tables.dataset import TabularDataset
    from training.evaluation.evaluation import Evaluation
    from training.exported import Exported
    from training.families.family import Baseline

METHODS = {
    "dynamic": {"quantization": "dynamic_int8"},
    "static": {"quantization": "static_int8"},
    "int8": {"quantization": "weight_only_int8"},
    "int4": {"quantization": "weight_only_int4"},
    "clustered": {"clusters": "16"},
}


class Forgetful:
    """A checkpoint that is never there."""

    due = cheap = False

    def load(self, *_: object) -> None:
        pass

    def save(self, *_: object) -> None:
        pass


class Trained(NamedTuple):
    """A network, its file, and the file's figures beside the baseline's."""

    dataset: TabularDataset
    network: nn.Module
    dense: Exported
    evaluations: Mapping[str, Evaluation]
    baseline: Baseline


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A tabular network after a few epochs."""
    recipe = load("tabular", {"epochs": "3", "threshold": "0.5"})
    family, dataset = Tabular(recipe), read_dataset(recipe, None)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = family.network(dataset)
    (stage,) = family.stages(network, dataset)
    checkpoint: Any = Forgetful()
    Trainer(stage, recipe, World(0, 1, torch.device("cpu"))).run(checkpoint, lambda: False)
    file = tmp_path_factory.mktemp("dense") / "model.onnx"
    # Numbers of four bits are not in ONNX before.
    dense = export_network(family, network, dataset, file, opset=21)
    return Trained(
        dataset, network, dense, evaluate(family, dense, dataset), family.baseline(dataset)
    )


def artifact(trained: Trained, folder: Path, overrides: dict[str, str]) -> Manifest:
    """Writes the compressed model as a job would."""
    dataset, network, dense, evaluations, baseline = trained
    recipe = load("tabular", {"epochs": "3", "threshold": "0.5", **overrides})
    family = Tabular(recipe)
    exported, figures, outcome = compress(family, dataset, dense, evaluations, None)
    (folder / "model.onnx").write_bytes(exported.file.read_bytes())
    result = Result(
        recipe=recipe,
        dataset=dataset,
        exported=exported,
        evaluations=figures,
        compression=outcome,
        baseline=baseline,
        golden_inputs=family.golden_inputs(dataset),
        files=family.files(network, dataset),
        evaluation_files={},
        device="cpu",
        processes=1,
        epoch_kept=3,
        curves={"training": []},
    )
    write_artifact(folder, result, {})
    return Manifest.from_json((folder / "manifest.json").read_bytes())


@pytest.mark.parametrize("method", METHODS)
def test_published_and_served(trained: Trained, tmp_path: Path, cloud: Cloud, method: str):
    manifest = artifact(trained, tmp_path, {**METHODS[method], "quality_loss": "0.1"})
    assert manifest.signature.batch_axis == (None if method == "dynamic" else 0)
    assert manifest.unit == ("request" if method == "dynamic" else "row")
    version = cloud.wiring.publisher.publish(FolderArtifact(tmp_path))
    cloud.wiring.publisher.promote(version.model, version.version, "prod")
    key = cloud.wiring.key_administration.create("acme").text()
    golden = manifest.golden[1]
    features = np.array(golden.inputs["features"], np.float32)
    tensor = triton.InferInput("features", [7, 10], "FP32")
    tensor.set_data_from_numpy(features, binary_data=True)
    body, length = triton.InferenceServerClient.generate_request_body([tensor])
    event = proxy_event(
        "POST",
        "/v2/models/tabular/infer",
        body=base64.b64encode(body).decode(),
        headers={"x-api-key": key, "Inference-Header-Content-Length": str(length)},
        base64=True,
    )
    answer = cloud.function("infer").handler(event, Context())
    assert answer["statusCode"] == 200, answer["body"]
    found = triton.InferenceServerClient.parse_response_body(
        base64.b64decode(answer["body"]),
        header_length=int(answer["headers"]["Inference-Header-Content-Length"]),
    ).as_numpy("probabilities")
    assert found is not None
    np.testing.assert_allclose(found, golden.outputs["probabilities"], atol=1e-6)
    # It is the small file that answers: the dense one does so otherwise.
    dense = trained.dense.answers({"features": features})["probabilities"]
    assert np.abs(found - dense).max() > 1e-6


def test_manifest_tells_of_the_dense_model_and_of_each_step(trained: Trained, tmp_path: Path):
    manifest = artifact(trained, tmp_path, {"quantization": "static_int8", "quality_loss": "0.1"})
    dense = trained.evaluations
    for split, figures in manifest.metrics.items():
        assert figures["dense_accuracy"] == dense[split].accuracy
        assert figures["dense_loss"] == dense[split].loss != figures["loss"]
    said = manifest.lineage["compression"]
    assert said["exported"] == "compressed"
    assert [step["step"] for step in said["steps"]] == ["dense", "static_int8"]
    small = said["steps"][1]
    assert small["bytes"] == manifest.size < said["steps"][0]["bytes"]
    assert small["metrics"]["test"]["accuracy"] == manifest.metrics["test"]["accuracy"]
    assert small["largest_difference"] > 1e-4
    # The published file's to the network, not the dense file's.
    parity = manifest.lineage["export"]["largest_difference_by_batch"]
    assert parity["64"] == pytest.approx(small["largest_difference"], abs=1e-5)
    assert min(parity.values()) > 1e-4
    assert "QuantizeLinear" in manifest.lineage["export"]["operators"]
    assert manifest.golden[0].tolerance >= 2e-2
    assert b"_ms" not in (tmp_path / "manifest.json").read_bytes()
    measured = json.loads((tmp_path / "evaluation" / "compression.json").read_bytes())
    assert set(measured["steps"][1]["times_as_fast"]) == {"1", "32"}
    report = json.loads((tmp_path / "evaluation" / "report.json").read_bytes())
    assert report["compression"] == measured
    assert set(report["comparison"]["dense"]) == {"train", "validation", "test"}


def test_model_that_loses_too_much_is_not_exported(trained: Trained, tmp_path: Path):
    overrides = {"clusters": "2", "quality_loss": "0.001"}
    manifest = artifact(trained, tmp_path, overrides)
    assert (tmp_path / "model.onnx").read_bytes() == trained.dense.file.read_bytes()
    said = manifest.lineage["compression"]
    assert said["exported"] == "dense"
    assert said["verdict"]["passed"] is False
    assert said["verdict"]["loss"] == pytest.approx(
        said["verdict"]["dense"] - said["verdict"]["compressed"]
    )
    assert said["verdict"]["loss"] > 0.001
    assert len(said["steps"]) == 2
    assert max(manifest.lineage["export"]["largest_difference_by_batch"].values()) < 1e-5
    assert not any(name.startswith("dense_") for name in manifest.metrics["test"])
    assert manifest.golden[0].tolerance == pytest.approx(1e-4)
    assert onnx.load(tmp_path / "model.onnx").graph.node[0].op_type != "Cast"


def test_model_that_embeds_keeps_its_rows_apart(trained: Trained):
    settings = load("tabular", {"quantization": "dynamic_int8"}).compression
    served = trained.dense.served
    check_served(settings, served)
    embedding = Embedding(output="probabilities", input="features")
    with pytest.raises(InvalidSetting, match="expected static_int8 or weight_only_int8"):
        check_served(settings, replace(served, embedding=embedding))


def test_network_that_names_nothing_is_refused_before_it_is_trained(trained: Trained):
    settings = load("tabular", {"pruning": "structured"}).compression
    check_served(settings, trained.dense.served)
    with pytest.raises(CompressionFailed, match="use unstructured"):
        check_served(settings, replace(trained.dense.served, module=nn.Linear(10, 10)))
