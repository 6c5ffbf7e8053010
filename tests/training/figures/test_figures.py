"""What a result's figures show, and that they are the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.figures.pictures import SVG, lines, read, texts
from training.evaluation.classes import evaluate_classes
from training.evaluation.numbers import evaluate_numbers
from training.figures.curves import draw_curves
from training.figures.drawing import BLUE, GREY, ORANGE
from training.figures.judgement import draw_confusion, draw_reliability, draw_residuals

CURVE = [
    {"epoch": epoch, "step": epoch, "train_loss": 1 / epoch, "val_loss": 0.5, "val_r2": 0.1 * epoch}
    for epoch in range(1, 6)
]


def test_curves_of_both_splits_by_epoch():
    root = read(draw_curves("regression", {"training": CURVE}, 4))
    (training,), (validation, measure) = lines(root, BLUE), lines(root, ORANGE)
    assert [y for _, y in training] == sorted(y for _, y in training)
    assert len({y for _, y in validation}) == 1
    assert [y for _, y in measure] == sorted((y for _, y in measure), reverse=True)
    written = texts(root)
    assert {"loss", "validation R²", "epoch", "training", "validation"} <= set(written)
    assert written.count("epoch 4, kept") == 2
    kept = [line for line in lines(root, GREY) if len(line) == 2]
    assert [line[0][0] for line in kept] == pytest.approx([training[3][0], measure[3][0]])


def test_each_stage_has_a_row_and_the_last_one_keeps_an_epoch():
    root = read(draw_curves("text", {"pretraining": CURVE, "training": CURVE}, 4))
    written = texts(root)
    assert {"pretraining: loss", "training: loss", "training: validation R²"} <= set(written)
    assert written.count("epoch 4, kept") == 2


def test_many_epochs_stay_small_and_the_last_is_there():
    curve = [{**CURVE[0], "epoch": epoch} for epoch in range(1, 10_001)]
    picture = draw_curves("regression", {"training": curve}, 1)
    assert len(picture) < 50_000
    (training,) = lines(read(picture), BLUE)
    assert training[-1][0] == pytest.approx(440 - 14)


def test_a_stage_that_was_resumed_at_its_end_has_no_row():
    read(draw_curves("text", {"training": []}, 0))


def judged(rows: int, names: list[str]):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, len(names), rows)
    scores = np.exp(generator.normal(size=(rows, len(names))) + 2 * np.eye(len(names))[labels])
    return evaluate_classes(scores / scores.sum(axis=1, keepdims=True), labels, names)


def test_confusion_has_a_number_for_each_cell_that_has_rows():
    evaluation = judged(200, ["law", "wisdom & poetry", "a <b>"])
    root = read(draw_confusion("text", "test", evaluation))
    numbers = sorted(int(text) for text in texts(root) if text.isdigit())
    assert numbers == sorted(count for row in evaluation.confusion for count in row if count)
    assert texts(root).count("wisdom & poetry") == 2
    shades = {rect.get("fill") for rect in root.iter(f"{SVG}rect")}
    assert len(shades) > 4


def test_confusion_of_many_classes_is_shaded_alone():
    root = read(draw_confusion("many", "test", judged(300, [f"class {i}" for i in range(120)])))
    assert not [text for text in texts(root) if text.isdigit()]
    # Every third name, on both sides.
    assert texts(root).count("class 3") == 2
    assert texts(root).count("class 4") == 0


def test_reliability_has_each_bin_with_its_interval():
    calibration = judged(300, ["no", "yes"]).calibration
    root = read(draw_reliability("text", "test", calibration))
    discs = [disc for disc in root.iter(f"{SVG}circle") if disc.get("r") == "4"]
    assert len(discs) == len(calibration.bins)
    (line,), whiskers = (
        [found for found in lines(root, BLUE) if (len(found) == 2) == whisker]
        for whisker in (False, True)
    )
    assert len(line) == len(whiskers) == len(calibration.bins)
    for disc, ((x, low), (_, high)) in zip(discs, whiskers, strict=True):
        assert float(disc.get("cx")) == pytest.approx(x)
        assert high - 0.01 <= float(disc.get("cy")) <= low + 0.01
    error = f"expected calibration error {calibration.expected_calibration_error:.3f}"
    assert any(error in text for text in texts(root))


@pytest.mark.parametrize(("rows", "discs", "legend"), [(82, 82, "row"), (5000, 1000, "1000 of")])
def test_residuals_have_a_disc_for_each_row_up_to_a_thousand(rows: int, discs: int, legend: str):
    numbers = np.random.default_rng(0).normal(150, 70, rows)
    evaluation = evaluate_numbers((0.8 * numbers + 40)[:, None], numbers)
    root = read(draw_residuals("regression", "test", evaluation))
    assert len([disc for disc in root.iter(f"{SVG}circle") if disc.get("r") == "3"]) == discs
    assert any(text.startswith(legend) for text in texts(root))
    assert any(f"R² {evaluation.r2:.3f}" in text for text in texts(root))


def test_prediction_that_is_no_number_is_left_out():
    numbers = np.arange(4.0)
    evaluation = evaluate_numbers(np.array([[0.5], [np.inf], [np.nan], [3.0]]), numbers)
    root = read(draw_residuals("regression", "test", evaluation))
    assert len([disc for disc in root.iter(f"{SVG}circle") if disc.get("r") == "3"]) == 2


def test_same_numbers_same_bytes():
    evaluation = judged(200, ["law", "letters"])
    for draw in (
        lambda: draw_curves("text", {"training": CURVE}, 4),
        lambda: draw_confusion("text", "test", evaluation),
        lambda: draw_reliability("text", "test", evaluation.calibration),
    ):
        assert draw() == draw()
