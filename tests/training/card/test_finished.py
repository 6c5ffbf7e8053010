"""The card of the reference recipe's job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from infermeter.adapters.artifacts import FolderArtifact
from infermeter.manifest import Manifest
from tests.cloud import Cloud, Context, proxy_event

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture(scope="module")
def manifest(finished) -> Manifest:
    return Manifest.from_json((finished.model / "manifest.json").read_bytes())


@pytest.fixture(scope="module")
def card(manifest: Manifest) -> Mapping[str, Any]:
    return manifest.card


@pytest.fixture(scope="module")
def report(finished) -> dict[str, Any]:
    return json.loads((finished.model / "evaluation" / "report.json").read_bytes())


def test_manifest_has_the_card_as_json_and_as_the_text_beside_the_model(finished, card):
    text = (finished.model / "model_card.md").read_text(encoding="utf-8")
    assert card["markdown"] == text
    assert set(card) == {
        *("model", "intended_use", "data", "evaluation", "training", "use", "markdown")
    }


def test_serving_loads_nothing_more_for_it(manifest: Manifest):
    assert [file.path for file in manifest.files] == ["model.onnx"]


def test_it_tells_of_no_machine_and_no_time(finished, card):
    told = json.dumps(card)
    assert str(finished.root) not in told
    assert "seconds" not in told
    assert "per_s" not in told


def test_it_says_what_was_trained_on_what(card, recipe, dataset):
    assert card["model"]["network"] == {"hidden": [64, 64]}
    # 10 to 64 to 64 to 10, with biases.
    assert card["model"]["parameters"] == 11 * 64 + 65 * 64 + 65 * 10
    assert card["intended_use"]["purpose"] == recipe.card.purpose != ""
    data = card["data"]
    assert (data["digest"], data["source"]) == (dataset.digest, "channel training")
    assert data["about"].startswith("1,797 pictures")
    for split, rows in dataset.splits().items():
        counts = np.bincount(rows.labels).tolist()
        assert data["splits"][split] == {
            "rows": len(rows),
            "classes": {str(label): count for label, count in enumerate(counts)},
        }
    training = card["training"]
    assert training["settings"]["learning_rate"] == 3e-3
    assert "l1" not in training["settings"]
    assert training["stages"] == {"training": {"epochs": 10}}
    assert (training["seed"], training["processes"]) == (0, 1)
    assert "torch" in training["versions"]


def test_figures_are_the_reports_with_intervals_baseline_and_naive(card, report, manifest):
    evaluation = card["evaluation"]
    found = evaluation["metrics"]["accuracy"]
    assert found["value"] == pytest.approx(manifest.metrics["test"]["accuracy"], rel=1e-5)
    low, high = found["interval"]
    assert low < found["value"] < high
    assert found["baseline"]["verdict"] == "better"
    assert found["baseline"]["difference"] == pytest.approx(
        found["value"] - manifest.metrics["test"]["baseline_accuracy"], abs=1e-5
    )
    assert 0 < found["baseline"]["interval"][0] < found["baseline"]["interval"][1]
    assert 0.05 < found["naive"]["value"] < 0.15
    assert evaluation["naive"] == "the classes' shares of the training rows, so always '3'"
    assert [each["class"] for each in evaluation["per_class"]] == report["classes"]
    directions = {metric: each["better"] for metric, each in evaluation["metrics"].items()}
    assert directions == {
        "accuracy": "higher",
        "macro_f1": "higher",
        "loss": "lower",
        "brier_score": "lower",
    }


def test_text_reads_as_a_card_of_hugging_face(card):
    _, head, text = card["markdown"].split("---\n", 2)
    metadata = yaml.safe_load(head)
    assert metadata["pipeline_tag"] == "tabular-classification"
    (result,) = metadata["model-index"][0]["results"]
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert values["accuracy"] == card["evaluation"]["metrics"]["accuracy"]["value"]
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        f"## {title}"
        for title in ("Model", "Limits", "Data", "Evaluation", "Training", "How to call it")
    ]
    assert "| accuracy | 0.9" in text
    assert "| better: +0.0" in text


def test_example_of_a_call_is_answered(card, manifest: Manifest, cloud: Cloud, finished):
    version = cloud.wiring.publisher.publish(FolderArtifact(finished.model))
    cloud.wiring.publisher.promote(version.model, version.version, "prod")
    key = cloud.wiring.key_administration.create("acme").text()
    use = card["use"]
    event = proxy_event("POST", use["route"], body=use["request"], headers={"x-api-key": key})
    answer = cloud.function("infer").handler(event, Context())
    assert answer["statusCode"] == 200, answer["body"]
    (output,) = json.loads(answer["body"])["outputs"]
    golden = manifest.golden[0].outputs["probabilities"]
    np.testing.assert_allclose(output["data"], np.ravel(golden), atol=1e-5)


def test_figures_lie_beside_the_report(finished):
    folder = finished.model / "evaluation"
    assert {file.stem for file in folder.glob("*.svg")} == {
        *("learning_curves", "confusion", "reliability")
    }


def test_report_compares_on_every_split(report):
    for name in ("baseline", "naive"):
        assert set(report[name]["splits"]) == {"train", "validation", "test"}
        for split, found in report["comparison"][name].items():
            assert set(found) == {"accuracy", "loss", "macro_f1"}
            accuracy = found["accuracy"]
            values = (each["splits"][split]["accuracy"] for each in (report, report[name]))
            ours, theirs = values
            assert accuracy["difference"] == pytest.approx(ours - theirs)
            assert accuracy["interval"][0] <= accuracy["difference"] <= accuracy["interval"][1]
