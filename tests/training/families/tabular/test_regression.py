"""The recipe `regression`, from its command to an answer: a row of numbers in, a number out."""

from __future__ import annotations

import base64
import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tritonclient.http as triton

from infermeter.adapters.artifacts import FolderArtifact
from infermeter.manifest import Manifest
from tests.cloud import Cloud, Context, proxy_event
from training.data.tables.channel import write_csv
from training.errors import InvalidData
from training.job import Job
from training.local import TrainingOutcome, train_locally
from training.pipeline import run_job
from training.recipe import load

if TYPE_CHECKING:
    from pathlib import Path

INFER = "/v2/models/regression/infer"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> TrainingOutcome:
    out = tmp_path_factory.mktemp("regression")
    return train_locally("regression", {}, out, on_line=lambda _: None)


@pytest.fixture(scope="module")
def manifest(outcome: TrainingOutcome) -> Manifest:
    return Manifest.from_json((outcome.artifact / "manifest.json").read_bytes())


def held_out_rows(folder: Path) -> tuple[list[str], list[list[str]]]:
    with (folder / "evaluation" / "test.csv").open() as file:
        header, *rows = csv.reader(file)
    return header, rows


def publish(cloud: Cloud, folder: Path) -> str:
    """Publishes the artefact and moves `prod` to it; a key to call it with."""
    version = cloud.wiring.publisher.publish(FolderArtifact(folder))
    cloud.wiring.publisher.promote(version.model, version.version, "prod")
    return cloud.wiring.key_administration.create("acme").text()


def test_it_beats_ridge_and_its_gate(outcome: TrainingOutcome):
    assert (outcome.recipe, outcome.metric) == ("regression", "r2")
    assert outcome.test > outcome.threshold > 0
    assert outcome.test > outcome.baseline > 0


def test_manifest_speaks_of_a_number(manifest: Manifest):
    (features,), (prediction,) = manifest.signature.inputs, manifest.signature.outputs
    assert (features.name, features.shape) == ("features", (-1, 10))
    assert (prediction.name, prediction.datatype.name) == ("prediction", "FP32")
    assert (prediction.shape, prediction.labels) == ((-1, 1), ())
    assert manifest.gate is not None
    assert (manifest.gate.metric, manifest.gate.direction) == ("r2", "at_least")
    for golden in manifest.golden:
        # Rounding grows with the numbers.
        largest = np.abs(golden.outputs["prediction"]).max()
        assert golden.tolerance == pytest.approx(1e-4 * largest, rel=1e-6)
    assert "columns age, sex, bmi, bp, s1, s2, s3, s4, s5, s6," in manifest.preprocessing
    assert set(manifest.metrics) == {"train", "validation", "test"}
    assert set(manifest.metrics["test"]) == {
        *("rows", "r2", "mae", "rmse", "baseline_r2", "baseline_mae", "baseline_rmse")
    }


def test_lineage_and_report_tell_of_the_data_and_the_baseline(
    outcome: TrainingOutcome, manifest: Manifest
):
    folder = outcome.artifact / "evaluation"
    counts, report = (
        json.loads((folder / name).read_bytes()) for name in ("data.json", "report.json")
    )
    assert (counts["read"], counts["kept"], counts["outliers"]) == (442, 442, {"s2": 1})
    assert manifest.lineage["data"]["rows"]["outliers"] == 1
    assert manifest.lineage["recipe"]["task"] == "regression"
    assert report["baseline"]["model"].startswith("ridge regression, penalty")
    assert report["splits"]["test"]["r2"] == outcome.test
    assert report["classes"] == []
    assert not (folder / "projection.csv").exists()


def test_csv_row_in_number_out(cloud: Cloud, outcome: TrainingOutcome, manifest: Manifest):
    key = publish(cloud, outcome.artifact)
    header, rows = held_out_rows(outcome.artifact)
    assert header == ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6", "progression"]
    data = [[float(cell) for cell in row[:-1]] for row in rows]
    tensor = {"name": "features", "datatype": "FP32", "shape": [len(rows), 10], "data": data}
    event = proxy_event(
        "POST",
        INFER,
        body={"inputs": [tensor]},
        headers={"x-api-key": key},
    )
    answer = cloud.function("infer").handler(event, Context())
    assert answer["statusCode"] == 200, answer["body"]
    (output,) = json.loads(answer["body"])["outputs"]
    assert (output["name"], output["datatype"]) == ("prediction", "FP32")
    assert output["shape"] == [len(rows), 1]
    golden = manifest.golden[1].outputs["prediction"]
    np.testing.assert_allclose(output["data"][:7], np.ravel(golden), rtol=1e-5)
    # In the unit of the table: as far from its numbers as the trainer said.
    errors = np.array(output["data"]) - np.array([float(row[-1]) for row in rows])
    assert np.abs(errors).mean() == pytest.approx(manifest.metrics["test"]["mae"], rel=1e-5)


def without_bmi(row: str) -> str:
    cells = row.split(",")
    cells[2] = ""
    return ",".join(cells)


def test_flawed_table_from_the_channel_to_a_served_row_that_lacks_a_value(
    tmp_path: Path, cloud: Cloud, capsys: pytest.CaptureFixture[str]
):
    overrides = {"missing": "mean", "metric": "mae", "threshold": "80", "epochs": "2"}
    recipe = load("regression", {**overrides, "patience": "0"})
    file = write_csv(recipe, tmp_path / "channel")
    header, first, *rest = file.read_text().splitlines()
    conflict = f"{first.rsplit(',', maxsplit=1)[0]},1000"
    rest[:3] = map(without_bmi, rest[:3])
    file.write_text("\n".join([header, first, first, conflict, *rest]) + "\n")
    run_job(Job(tmp_path, "regression", {}, tmp_path / "channel"), recipe, lambda: False)
    manifest = Manifest.from_json((tmp_path / "model" / "manifest.json").read_bytes())
    counts = manifest.lineage["data"]["rows"]
    assert (counts["read"], counts["kept"]) == (444, 442)
    assert (counts["missing"], counts["duplicates"], counts["conflicts"]) == (3, 1, 1)
    # These are other data than the recipe speaks of.
    assert manifest.card["intended_use"] == {"purpose": "", "limits": []}
    assert manifest.card["data"]["about"] == manifest.lineage["recipe"]["card"]["about_data"] == ""
    assert "missing=3 duplicates=1 conflicts=1\n" in capsys.readouterr().out
    assert manifest.preprocessing.endswith("; for a missing value give NaN")
    assert manifest.gate is not None
    assert (manifest.gate.metric, manifest.gate.direction) == ("mae", "at_most")
    assert manifest.metrics["test"]["mae"] < 80
    key = publish(cloud, tmp_path / "model")
    golden = manifest.golden[1]
    features = np.array(golden.inputs["features"], np.float32)
    features[6, 2] = np.nan
    tensor = triton.InferInput("features", [7, 10], "FP32")
    tensor.set_data_from_numpy(features, binary_data=True)
    body, length = triton.InferenceServerClient.generate_request_body([tensor])
    event = proxy_event(
        "POST",
        INFER,
        body=base64.b64encode(body).decode(),
        headers={"x-api-key": key, "Inference-Header-Content-Length": str(length)},
        base64=True,
    )
    answer = cloud.function("infer").handler(event, Context())
    assert answer["statusCode"] == 200, answer["body"]
    result = triton.InferenceServerClient.parse_response_body(
        base64.b64decode(answer["body"]),
        header_length=int(answer["headers"]["Inference-Header-Content-Length"]),
    ).as_numpy("prediction")
    assert result is not None
    np.testing.assert_allclose(result[:6], golden.outputs["prediction"][:6], rtol=1e-5)
    assert np.isfinite(result[6])
    assert result[6] != pytest.approx(golden.outputs["prediction"][6], rel=1e-5)


def test_row_that_lacks_a_value_stops_the_job(tmp_path: Path):
    recipe = load("regression", {})
    file = write_csv(recipe, tmp_path)
    lines = file.read_text().splitlines()
    lines[5] = without_bmi(lines[5])
    file.write_text("\n".join(lines) + "\n")
    message = r"diabetes.csv, line 6, column 'bmi': expected a finite float32, got ''"
    with pytest.raises(InvalidData, match=message):
        run_job(Job(tmp_path / "job", "regression", {}, tmp_path), recipe, lambda: False)
