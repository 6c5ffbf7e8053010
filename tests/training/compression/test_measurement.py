"""Sizes and speeds: that they are there and of the right things; how large they are is no test."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from tests.training.compression import nets
from training.compression.measurement import measure_speed, sizes

if TYPE_CHECKING:
    from pathlib import Path


def test_size_of_a_download_is_that_under_gzip():
    content = b"\0" * 10_000
    assert sizes(content) == {"bytes": 10_000, "gzip_bytes": len(zlib.compress(content, 6))}


def test_every_file_is_loaded_and_run_at_each_batch_size(tmp_path: Path):
    files, asked = {}, []
    for name in ("dense", "other"):
        files[name] = tmp_path / f"{name}.onnx"
        files[name].write_bytes(nets.product(np.ones((8, 8), np.float32)).SerializeToString())

    def inputs(rows: int) -> dict[str, np.ndarray]:
        asked.append(rows)
        return {"values": np.ones((rows, 8), np.float32)}

    found = measure_speed(files, inputs)
    assert asked == [1, 32]
    assert list(found) == ["dense", "other"]
    assert found["dense"].ratio == {1: 1.0, 32: 1.0}
    for speed in found.values():
        assert speed.load_ms > 0
        assert set(speed.latency_ms) == set(speed.ratio) == {1, 32}
        assert all(value > 0 for value in (*speed.latency_ms.values(), *speed.ratio.values()))
