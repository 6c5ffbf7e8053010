"""Weights that share values: k-means as scikit-learn has it, and a graph that looks them up."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from sklearn.cluster import KMeans

from tests.training.compression import nets
from training.compression.clustering import cluster, share_weights
from training.errors import CompressionFailed


def error(weights: np.ndarray, clusters: int) -> float:
    codebook, numbers = cluster(weights, clusters)
    return float(np.square(codebook[numbers] - weights).sum())


@pytest.mark.parametrize("clusters", [2, 16, 64])
def test_as_little_error_as_scikit_learn(clusters: int):
    weights = np.random.default_rng(0).normal(size=2000).astype(np.float32)
    theirs = KMeans(clusters, n_init=3, random_state=0).fit(weights[:, None]).inertia_
    assert error(weights, clusters) < 1.1 * theirs


def test_weights_of_few_values_are_met_exactly():
    weights = np.random.default_rng(0).choice([-1.0, 0.25, 3.0], 500).astype(np.float32)
    codebook, numbers = cluster(weights, 8)
    np.testing.assert_array_equal(codebook[numbers], weights)


def test_equal_weights_are_one_cluster():
    codebook, numbers = cluster(np.full(9, 0.5, np.float32), 4)
    assert codebook[numbers].tolist() == [0.5] * 9


def test_zeros_stay_zeros():
    weights = np.random.default_rng(0).normal(loc=0.01, size=1000).astype(np.float32)
    weights[::2] = 0
    codebook, numbers = cluster(weights, 4)
    assert len(codebook) <= 4
    assert (codebook[numbers][::2] == 0).all()
    assert (codebook[numbers][1::2] != 0).any()


# An odd number of four-bit weights leaves half a byte.
@pytest.mark.parametrize(("clusters", "bits"), [(16, 4), (17, 8), (256, 8)])
def test_file_computes_with_the_shared_weights(clusters: int, bits: int):
    weights = np.random.default_rng(0).normal(size=(45, 45)).astype(np.float32)
    shared = share_weights(nets.product(weights), clusters)
    onnx.checker.check_model(shared, full_check=True)
    codebook, numbers = cluster(weights.ravel(), clusters)
    assert len(codebook) == clusters
    rows = np.random.default_rng(1).normal(size=(3, 45)).astype(np.float32)
    expected = rows @ codebook[numbers].reshape(45, 45)
    np.testing.assert_allclose(nets.run(shared, rows), expected, rtol=1e-4, atol=1e-4)
    (stored,) = (t for t in shared.graph.initializer if t.name == "weights_numbers")
    assert len(stored.raw_data) == (45 * 45 * bits + 7) // 8


@pytest.mark.parametrize(("clusters", "share"), [(16, 0.25), (256, 0.4)])
def test_files_shrink_and_a_tied_table_is_stored_once(tied: nets.File, clusters, share):
    shared = share_weights(tied.model, clusters)
    assert shared.ByteSize() < share * tied.model.ByteSize()
    names = {tensor.name for tensor in shared.graph.initializer}
    assert {"head.weight_numbers", "head.weight_codebook"} < names
    assert "head.weight" not in names
    ids = nets.sentences(3)
    expected = nets.run(tied.model, ids)
    moved = np.abs(nets.run(shared, ids) - expected).max()
    assert 0 < moved < 0.5 * np.abs(expected).max()


def test_small_tensors_stay_and_alone_are_refused():
    model = nets.product(np.ones((16, 16), np.float32))
    with pytest.raises(CompressionFailed, match="clusters: expected a tensor of 1024 weights"):
        share_weights(model, 16)
