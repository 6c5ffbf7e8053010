"""Data, loss and gate are of the recipe's task, or it is refused before anything starts."""

from __future__ import annotations

import pytest

from training.data.tables.sources import SOURCES
from training.errors import InvalidSetting
from training.recipe import load
from training.tasks import LOWER_IS_BETTER, METRICS, Task


@pytest.mark.parametrize(
    ("recipe", "field", "value", "message"),
    [
        ("regression", "source", "digits", "one of diabetes, table for regression, got 'digits'"),
        (
            "tabular",
            "source",
            "diabetes",
            "one of breast_cancer, digits, table, wine for classification, got 'diabetes'",
        ),
        (
            "regression",
            "loss",
            "sparse_categorical_crossentropy",
            "one of mse, mae, huber for regression, got 'sparse_categorical_crossentropy'",
        ),
        (
            "tabular",
            "loss",
            "huber",
            "one of sparse_categorical_crossentropy, binary_crossentropy for classification",
        ),
        ("regression", "metric", "accuracy", "one of r2, mae, rmse for regression"),
        ("tabular", "metric", "r2", "one of accuracy, loss for classification, got 'r2'"),
    ],
)
def test_what_is_another_tasks_is_refused(recipe: str, field: str, value: str, message: str):
    with pytest.raises(InvalidSetting, match=f"'{field}': expected {message}"):
        load(recipe, {field: value})


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_every_loss_of_numbers_goes_with_regression(loss: str):
    assert load("regression", {"loss": loss}).training.loss == loss


@pytest.mark.parametrize(("metric", "threshold"), [("mae", "50"), ("rmse", "60")])
def test_gate_may_be_on_an_error(metric: str, threshold: str):
    gate = load("regression", {"metric": metric, "threshold": threshold}).gate
    assert (gate.metric, gate.threshold) == (metric, float(threshold))


@pytest.mark.parametrize("task", METRICS)
def test_gate_may_be_on_every_metric_of_a_task(task: Task):
    recipe = {"classification": "tabular", "language_modelling": "decoder"}.get(task, task)
    for metric in METRICS[task]:
        assert load(recipe, {"metric": metric}).gate.metric == metric


def test_every_metric_is_one_of_some_task():
    assert {name for names in METRICS.values() for name in names} > LOWER_IS_BETTER


def test_schema_of_every_source_tells_numbers_from_classes():
    for source in SOURCES.values():
        assert source.schema.numeric == (source.bundled().labels.dtype.kind == "f")


@pytest.mark.parametrize("missing", ["stop", "drop", "mean"])
def test_what_becomes_of_missing_values_is_a_setting(missing: str):
    assert load("regression", {"missing": missing}).data.missing == missing


def test_unknown_treatment_of_missing_values():
    with pytest.raises(InvalidSetting, match="'missing': expected one of stop, drop, mean"):
        load("tabular", {"missing": "median"})
