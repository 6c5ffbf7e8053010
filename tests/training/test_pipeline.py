"""One whole job, started as a container starts it, and the folder that it leaves."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import onnxruntime
import pytest

from infermeter.manifest import Manifest

LINE = re.compile(r"(\w+=\S+)( \w+=\S+)*")


@pytest.fixture(scope="session")
def manifest(finished) -> Manifest:
    return Manifest.from_json((finished.model / "manifest.json").read_bytes())


@pytest.fixture(scope="session")
def report(finished):
    return json.loads((finished.model / "evaluation" / "report.json").read_bytes())


def test_it_succeeds_and_says_only_metrics(finished):
    assert (finished.code, finished.stderr) == (0, "")
    lines = finished.stdout.splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    assert sum(line.startswith("epoch=") for line in lines) == 10


def test_it_ran_the_unpacked_code(finished):
    assert (finished.root / "code" / "training" / "train.py").exists()


def test_model_passes_its_own_gate_and_beats_the_baseline(manifest):
    test = manifest.metrics["test"]
    assert test["accuracy"] > manifest.gate.threshold
    assert test["accuracy"] > test["baseline_accuracy"]


def test_signature(manifest):
    (features,), (probabilities,) = manifest.signature.inputs, manifest.signature.outputs
    assert (features.name, features.datatype.name, features.shape) == ("features", "FP32", (-1, 10))
    assert (probabilities.name, probabilities.shape) == ("probabilities", (-1, 10))
    assert probabilities.labels == tuple("0123456789")
    assert manifest.signature.batch_axis == 0


def test_golden_rows_give_the_golden_answers(finished, manifest):
    session = onnxruntime.InferenceSession((finished.model / "model.onnx").read_bytes())
    for golden in manifest.golden:
        rows = np.array(golden.inputs["features"], np.float32)
        (answers,) = session.run(["probabilities"], {"features": rows})
        np.testing.assert_allclose(answers, golden.outputs["probabilities"], atol=1e-5)
    assert [len(golden.inputs["features"]) for golden in manifest.golden] == [1, 7]


def test_test_file_gives_the_trainers_accuracy(finished, manifest, dataset):
    with (finished.model / "evaluation" / "test.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header == [*(f"f{i}" for i in range(10)), "label"]
    features = np.array([row[:-1] for row in rows], np.float64).astype(np.float32)
    np.testing.assert_array_equal(features, dataset.test.features)
    session = onnxruntime.InferenceSession((finished.model / "model.onnx").read_bytes())
    taken = session.run(None, {"features": features})[0].argmax(axis=1)
    right = sum(int(row[-1]) == label for row, label in zip(rows, taken, strict=True))
    assert right / len(rows) == manifest.metrics["test"]["accuracy"]


def test_projection_file_leads_from_pixels_to_features(finished, dataset, manifest):
    assert "evaluation/projection.csv in the training job's output" in manifest.preprocessing
    file = finished.model / "evaluation" / "projection.csv"
    columns = np.loadtxt(file, delimiter=",", skiprows=1)
    np.testing.assert_array_equal(columns[:, 0], dataset.components.mean)
    np.testing.assert_array_equal(columns[:, 1:], dataset.components.axes.T)


def test_report_has_what_was_measured(report, manifest):
    test = report["splits"]["test"]
    assert report["metrics"] == manifest.metrics
    assert len(report["curve"]) == 10
    assert sum(map(sum, test["confusion"])) == test["rows"]
    assert set(test["recall"]) == set(report["classes"])
    assert set(report["baseline"]["splits"]) == {"train", "validation", "test"}
    assert set(report["seconds"]) == {"data", "training", "export", "evaluation"}


def test_lineage_says_what_it_was_made_of(manifest, recipe, dataset):
    lineage = manifest.lineage
    assert lineage["recipe"] == json.loads(json.dumps(recipe.document()))
    data = lineage["data"]
    assert (data["source"], data["digest"]) == ("channel training", dataset.digest)
    assert data["rows"] == dataset.report.summary()
    assert [file["path"] for file in data["files"]] == ["digits.csv"]
    assert data["channel"]["bytes"] == data["files"][0]["size"]
    assert set(lineage["versions"]) == {"python", "torch", "onnx", "onnxruntime", "numpy"}
    assert lineage["export"]["opset"] == 20
    assert set(lineage["export"]["largest_difference_by_batch"]) == {"1", "7", "64"}
