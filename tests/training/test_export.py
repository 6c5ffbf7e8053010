"""ONNX files: the same answers, every batch size, everything inside."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from training.data.tables.dataset import TabularDataset, prepare, read_dataset
from training.data.tables.sources import SOURCES
from training.data.tables.table import Table
from training.errors import ExportFailed
from training.export import Export, OnnxFile, export_onnx, run_module
from training.families.tabular.family import Tabular
from training.families.tabular.network import TabularNetwork
from training.recipe import load

if TYPE_CHECKING:
    from pathlib import Path

    from training.served import Served


@pytest.fixture(scope="module")
def served(recipe, dataset) -> Served:
    torch.manual_seed(0)
    return Tabular(recipe).served(TabularNetwork(recipe.network, dataset), dataset)


def held_out(features: np.ndarray):
    """Inputs of as many rows as asked for."""
    return lambda rows: {"features": features[np.arange(rows) % len(features)]}


def run_file(file: Path, features: np.ndarray) -> np.ndarray:
    (answers,) = OnnxFile(file).run({"features": features}).values()
    return answers


def run_network(served: Served, features: np.ndarray) -> np.ndarray:
    (answers,) = run_module(served.module, served.signature, {"features": features}).values()
    return answers


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, dataset, served) -> tuple[Path, Export]:
    file = tmp_path_factory.mktemp("export") / "model.onnx"
    return file, export_onnx(served, held_out(dataset.test.features), file)


@pytest.mark.parametrize("rows", [1, 7, 64, 355])
def test_raw_features_give_the_networks_answers(written, dataset, served, rows: int):
    features = dataset.test.features[:rows]
    answers = run_file(written[0], features)
    np.testing.assert_allclose(answers, run_network(served, features), atol=1e-6)


def test_standardisation_is_in_the_graph(written, dataset, served):
    plain = served.module.network.layers
    with torch.no_grad():
        standardised = (dataset.test.features - dataset.mean) / dataset.scale
        expected = torch.softmax(plain(torch.from_numpy(standardised)), dim=-1).numpy()
    answers = run_file(written[0], dataset.test.features)
    np.testing.assert_allclose(answers, expected, atol=1e-6)


def test_answers_are_probabilities(written, dataset):
    answers = run_file(written[0], dataset.test.features)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)


def test_largest_difference_is_recorded_for_each_batch_size(written):
    assert list(written[1].parity) == [1, 7, 64]
    assert max(written[1].parity.values()) < 1e-6


def test_names_shapes_and_opset(written):
    graph = onnx.load(written[0]).graph
    shapes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert shapes == {"features": ["batch", 10], "probabilities": ["batch", 10]}
    assert written[1].opset == 20


def test_nothing_in_the_file_tells_where_it_was_made(written):
    assert written[0].read_bytes().count(b".py") == 0


def test_weights_are_inside(written):
    assert [file.name for file in written[0].parent.iterdir()] == ["model.onnx"]


def test_exporter_says_nothing(tmp_path: Path, dataset, served, capfd, caplog):
    with caplog.at_level(logging.WARNING):
        export_onnx(served, held_out(dataset.test.features), tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")


def test_fewer_held_out_rows_than_a_batch(tmp_path: Path, dataset, served):
    file = tmp_path / "model.onnx"
    assert export_onnx(served, held_out(dataset.test.features[:3]), file).parity[64] < 1


class FixedBatch(nn.Module):
    """Its answer has two rows, whatever comes."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features.sum(dim=0).expand(2, -1)


def test_fixed_batch_axis_is_refused(tmp_path: Path, dataset, served):
    message = r"expected the shape \[-1, 10\] of 'probabilities', -1 where open, got \[2, 10\]"
    with pytest.raises(ExportFailed, match=message):
        export_onnx(
            replace(served, module=FixedBatch()),
            held_out(dataset.test.features),
            tmp_path / "model.onnx",
        )


def test_other_answers_than_the_networks_are_refused(
    tmp_path: Path, dataset, served, monkeypatch: pytest.MonkeyPatch
):
    wrong = {"probabilities": np.zeros((1, 10), np.float32)}
    monkeypatch.setattr(OnnxFile, "run", lambda *_: wrong)
    with pytest.raises(ExportFailed, match="agree with PyTorch to 1e-05 at batch 1, got a diff"):
        export_onnx(served, held_out(dataset.test.features), tmp_path / "model.onnx")


def regressor(dataset: TabularDataset) -> Served:
    torch.manual_seed(0)
    recipe = load("regression", {})
    return Tabular(recipe).served(TabularNetwork(recipe.network, dataset).eval(), dataset)


def test_number_comes_out_in_its_own_unit(tmp_path: Path):
    dataset = read_dataset(load("regression", {}), None)
    served, file, features = regressor(dataset), tmp_path / "model.onnx", dataset.test.features
    export = export_onnx(served, held_out(features), file)
    with torch.no_grad():
        standardised = torch.from_numpy((features - dataset.mean) / dataset.scale)
        inner = served.module.network.layers(standardised).numpy()
    answers = run_file(file, features)
    expected = inner * dataset.target.scale + dataset.target.mean
    assert answers.shape == (len(features), 1)
    np.testing.assert_allclose(answers, expected, rtol=1e-5)
    # Dropout is not in the file.
    assert "Dropout" not in export.operators
    # Agreement is to rounding of numbers of this size, not of 1.
    assert max(export.parity.values()) < 1e-6


def test_missing_value_is_the_mean_in_the_graph_where_the_recipe_fills_them(tmp_path: Path):
    recipe, file = load("regression", {"missing": "mean"}), tmp_path / "model.onnx"
    table = SOURCES["diabetes"].bundled()
    values = table.values.copy()
    values[::5, 2] = np.nan
    dataset = prepare(recipe, Table(table.schema, values, table.labels), "holes")
    features = dataset.test.features[:8].copy()
    export_onnx(regressor(dataset), held_out(features), file)
    absent, filled = features.copy(), features.copy()
    absent[:, 2], filled[:, 2] = np.nan, dataset.filled[2]
    np.testing.assert_allclose(
        run_file(file, absent),
        run_file(file, filled),
        rtol=1e-6,
    )


def test_missing_value_is_no_number_where_the_recipe_fills_none(tmp_path: Path):
    dataset, file = read_dataset(load("regression", {}), None), tmp_path / "model.onnx"
    features = dataset.test.features[:2].copy()
    export_onnx(regressor(dataset), held_out(features), file)
    features[0, 2] = np.nan
    assert np.isnan(run_file(file, features)[:, 0]).tolist() == [True, False]
