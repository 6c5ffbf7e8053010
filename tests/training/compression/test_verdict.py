"""The gate on what compression may cost."""

from __future__ import annotations

import math

import pytest

from training.compression.verdict import judge


@pytest.mark.parametrize(
    ("metric", "dense", "compressed", "loss", "passed"),
    [
        ("accuracy", 0.97, 0.965, 0.005, True),
        ("accuracy", 0.97, 0.95, 0.02, False),
        ("accuracy", 0.97, 0.98, -0.01, True),
        ("r2", 0.5, 0.49, 0.01, True),
        ("rmse", 50.0, 49.0, -1.0, True),
        ("mae", 40.0, 40.5, 0.5, False),
        ("nats_per_token", 4.0, 4.005, 0.005, True),
        ("accuracy", 0.97, math.nan, math.nan, False),
    ],
)
def test_worse_by_more_than_is_allowed(metric, dense, compressed, loss, passed):
    verdict = judge(metric, dense, compressed, 0.01 + 1e-12)
    assert verdict.loss == pytest.approx(loss, nan_ok=True)
    assert verdict.passed is passed


def test_one_line_says_what_is_exported():
    assert str(judge("accuracy", 0.97, 0.96, 0.005)) == (
        "validation accuracy 0.9700 dense, 0.9600 compressed: 0.0100 lost, more than the 0.005 "
        "allowed; the dense model is exported"
    )
    assert str(judge("accuracy", 0.97, 0.96, 0.02)).endswith(
        "within the 0.02 allowed; the compressed model is exported"
    )
