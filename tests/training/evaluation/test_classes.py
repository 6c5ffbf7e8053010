"""Figures of a split of classes, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from training.evaluation.classes import ClassEvaluation, accuracy, evaluate_classes
from training.evaluation.intervals import wilson

PROBABILITIES = np.array([[0.8, 0.2], [0.4, 0.6], [0.9, 0.1], [0.0, 1.0]], np.float32)
LABELS = np.array([0, 1, 1, 1])


def drawn(rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are right more often than chance; the last class has no rows."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, classes - 1, rows)
    scores = generator.normal(size=(rows, classes)) + 1.5 * np.eye(classes)[labels]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return probabilities, labels


def judged(rows: int, classes: int) -> ClassEvaluation:
    return evaluate_classes(*drawn(rows, classes), [str(i) for i in range(classes)])


def test_counts():
    found = evaluate_classes(PROBABILITIES, LABELS, ("no", "yes"))
    assert (found.rows, found.accuracy) == (4, 0.75)
    assert found.confusion == [[1, 0], [1, 2]]
    assert found.recall == {"no": 1.0, "yes": pytest.approx(2 / 3)}


def test_loss_is_the_mean_surprise():
    found = evaluate_classes(PROBABILITIES, LABELS, ("no", "yes"))
    assert found.loss == pytest.approx(-np.log([0.8, 0.6, 0.1, 1.0]).mean(), rel=1e-6)


def test_probability_of_zero_has_a_finite_loss():
    assert np.isfinite(evaluate_classes(PROBABILITIES[3:], np.array([0]), ("no", "yes")).loss)


def test_class_without_rows():
    found = evaluate_classes(PROBABILITIES, np.zeros(4, np.int64), ("no", "yes"))
    assert found.recall["yes"] == 0.0
    no, yes = found.document()["per_class"]
    assert (no["support"], no["recall"], no["precision"]) == (4, 0.5, 1.0)
    assert (yes["support"], yes["recall"], yes["precision"]) == (0, None, 0.0)
    assert yes["intervals"]["recall"] is None


@pytest.mark.parametrize(("rows", "classes"), [(300, 4), (300, 12)])
def test_figures_are_scikit_learns(rows: int, classes: int):
    probabilities, labels = drawn(rows, classes)
    taken, found = probabilities.argmax(axis=1), judged(rows, classes)
    assert found.macro_f1 == pytest.approx(metrics.f1_score(labels, taken, average="macro"))
    assert found.brier_score == pytest.approx(
        metrics.brier_score_loss(
            labels, probabilities, labels=np.arange(classes), scale_by_half=False
        )
    )
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, taken, labels=np.arange(classes), zero_division=0
    )
    for number, each in enumerate(found.document()["per_class"]):
        assert each["class"] == str(number)
        assert each["support"] == support[number]
        assert (each["precision"] or 0) == pytest.approx(precision[number])
        assert (each["recall"] or 0) == pytest.approx(recall[number])
        assert (each["f1"] or 0) == pytest.approx(f1[number])


def test_nearly_right_among_many_classes_only():
    probabilities, labels = drawn(300, 12)
    wanted = metrics.top_k_accuracy_score(labels, probabilities, k=5, labels=np.arange(12))
    assert judged(300, 12).top_5 == pytest.approx(wanted)
    assert judged(300, 12).document()["top_5"] == pytest.approx(wanted)
    assert judged(300, 10).top_5 is None
    assert "top_5" not in judged(300, 10).document()


def test_equal_probabilities_do_not_make_every_row_nearly_right():
    same = np.full((20, 20), 0.05)
    found = evaluate_classes(same, np.arange(20), [str(i) for i in range(20)])
    assert (found.accuracy, found.top_5) == (1 / 20, 5 / 20)


def test_terms_give_the_figures():
    found = judged(300, 12)
    figures = found.figures(found.terms().sum(axis=0))
    assert set(figures) == {"accuracy", "loss", "macro_f1", "brier_score", "top_5"}
    for name, value in figures.items():
        assert value == pytest.approx(getattr(found, name), rel=1e-12)


def test_every_figure_lies_in_its_interval():
    document = judged(300, 12).document()
    for name, (low, high) in document["intervals"].items():
        assert low < document[name] < high
    assert document["intervals"]["accuracy"] == wilson(round(document["accuracy"] * 300), 300)
    for each in document["per_class"][:-1]:
        for name, (low, high) in each["intervals"].items():
            assert low < each[name] < high


def test_accuracy_by_scores():
    assert accuracy(PROBABILITIES, LABELS) == 0.75


def test_one_row_has_intervals_of_shares_alone():
    found = evaluate_classes(PROBABILITIES[:1], LABELS[:1], ("no", "yes")).document()
    assert found["intervals"]["accuracy"] == wilson(1, 1)
    assert found["intervals"]["loss"] is found["intervals"]["macro_f1"] is None
    assert found["per_class"][0]["intervals"]["f1"] is None
