"""Cards of other kinds of results."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch import nn

from infermeter.manifest import Golden, Manifest, ModelFile
from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES
from training.card.document import MOST_VALUES, card_document
from training.card.markdown import card_markdown
from training.evaluation.classes import evaluate_classes
from training.evaluation.tokens import evaluate_tokens
from training.families.family import Baseline
from training.recipe import load
from training.report import report_document

SPLITS = ("train", "validation", "test")
LINEAGE = {
    "training": {"device": "cpu", "processes": 1, "epoch_kept": 1},
    "versions": {"numpy": np.__version__},
}


def a_manifest(values: int = 3, **lineage: Any) -> Manifest:
    spec = TensorSpec("x", DATATYPES["FP32"], (-1, values))
    return Manifest(
        name="own",
        signature=Signature((spec,), (spec,)),
        files=(ModelFile("model.onnx", 9, "0" * 64),),
        golden=(Golden({"x": [[0.5] * values]}, {"x": [[0.5] * values]}),),
        lineage={**LINEAGE, **lineage},
    )


def a_result(task: str, judged: Any, other: Any, classes: tuple[str, ...] = ()) -> Any:
    """What the card looks at, of a network of one layer."""
    recipe = load("tabular", {})
    return SimpleNamespace(
        recipe=replace(recipe, name="own", task=task, card=type(recipe.card)()),
        dataset=SimpleNamespace(
            classes=classes,
            source="channel training",
            digest="sha256:0",
            report=SimpleNamespace(summary=lambda: {"read": 4}),
            splits=lambda: dict.fromkeys(SPLITS, Rows(np.zeros(4, np.int64))),
        ),
        exported=SimpleNamespace(served=SimpleNamespace(module=nn.Linear(3, 2))),
        evaluations=dict.fromkeys(SPLITS, judged),
        baseline=Baseline("unigrams", dict.fromkeys(SPLITS, other)),
        naive=None,
        compression=None,
        epoch_kept=1,
        curves={"training": [{"epoch": 1}]},
        metrics=dict,
    )


class Rows:
    """Labels alone."""

    def __init__(self, labels: np.ndarray) -> None:
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)


def card_of(result: Any, manifest: Manifest) -> dict[str, Any]:
    return card_document(result, report_document(result), manifest)


def of_text() -> Any:
    tokens = np.array([5, 6, 7, 8] * 3)
    return a_result(
        "language_modelling",
        evaluate_tokens(tokens * 4.0, tokens, tokens * 4),
        evaluate_tokens(tokens * 6.0, tokens, tokens * 4),
    )


def of_classes(names: tuple[str, ...]) -> Any:
    labels = np.arange(4) % len(names)
    probabilities = np.full((4, len(names)), 0.1 / len(names)) + 0.9 * np.eye(len(names))[labels]
    judged = evaluate_classes(probabilities, labels, names)
    return a_result("classification", judged, judged, names)


def test_language_model_without_a_naive_method():
    card = card_of(of_text(), a_manifest())
    metrics = card["evaluation"]["metrics"]
    assert set(metrics) == {"nats_per_token", "nats_per_character", "perplexity"}
    assert metrics["nats_per_token"]["value"] == 4.0
    assert metrics["nats_per_token"]["better"] == metrics["perplexity"]["better"] == "lower"
    assert metrics["nats_per_character"]["baseline"] == {
        "value": 1.5,
        "difference": -0.5,
        "interval": [-0.5, -0.5],
        "verdict": "better",
    }
    assert "naive" not in card["evaluation"]
    text = card_markdown(card)
    assert "| nats per token | 4.000 (4.000 to 4.000) | 6.000 | better: -2 (-2 to -2) |" in text
    assert "naive" not in text
    assert "By class" not in text


def test_one_row_has_neither_interval_nor_verdict():
    tokens = np.array([5])
    judged = evaluate_tokens(tokens * 4.0, tokens, tokens * 4)
    text = card_markdown(card_of(a_result("language_modelling", judged, judged), a_manifest()))
    assert "| nats per token | 4.000 | 4.000 | too few rows: +0 |" in text


def test_recipe_that_does_not_say_what_it_is_for():
    assert "The recipe does not say what the model is for." in card_markdown(
        card_of(of_text(), a_manifest())
    )


def test_names_stay_in_their_cells():
    text = card_markdown(card_of(of_classes(("a|b", "two\nlines")), a_manifest()))
    rows = [line for line in text.splitlines() if line.startswith(("| a\\|b", "| two lines"))]
    assert len(rows) == 2
    for row in rows:
        assert row.replace("\\|", "").count("|") == 6


def test_class_that_was_never_taken_has_no_precision():
    text = card_markdown(card_of(of_classes(("a", "b", "c", "d", "e")), a_manifest()))
    assert "| e | 0 | none | none | none |" in text


def test_many_classes_leave_it_readable():
    card = card_of(of_classes(tuple(f"class {i}" for i in range(100))), a_manifest())
    assert len(card["evaluation"]["per_class"]) == 60
    assert len(card["data"]["splits"]["train"]["classes"]) == 60
    assert "| split | rows |\n" in card_markdown(card)
    assert "top_5" in card["evaluation"]["metrics"]


@pytest.mark.parametrize(("values", "shown"), [(MOST_VALUES, True), (MOST_VALUES + 1, False)])
def test_example_only_where_it_is_short(values: int, shown: bool):
    card = card_of(of_text(), a_manifest(values))
    assert ("request" in card["use"]) is shown
    assert ('"datatype": "FP32"' in card_markdown(card)) is shown


def test_compression_with_its_cost():
    result, tokens = of_text(), np.full(12, 6)
    dense = evaluate_tokens(tokens * 4.0, tokens, tokens * 4)
    document = {
        "exported": "compressed",
        "verdict": {"metric": "nats_per_token", "loss": 0.02, "allowed": 0.05},
        "steps": [a_step("dense", 4000, 4.0), a_step("int8", 1000, 4.02)],
    }
    result.compression = SimpleNamespace(
        verdict=SimpleNamespace(passed=True),
        steps=[SimpleNamespace(evaluations=dict.fromkeys(SPLITS, dense))],
        document=lambda _: document,
    )
    card = card_of(result, a_manifest(compression=document))
    assert card["compression"] == document
    text = card_markdown(card)
    assert "compression costs 0.020 of nats per token, where the recipe allows 0.05." in text
    assert "| int8 | 1,000 | 500 | 4.020 |" in text
    assert "* nats per token: no clear difference: +0 (+0 to +0)" in text


def a_step(name: str, size: int, nats: float) -> dict[str, Any]:
    metrics = {"test": {"nats_per_token": nats}}
    return {"step": name, "bytes": size, "gzip_bytes": size // 2, "metrics": metrics}
