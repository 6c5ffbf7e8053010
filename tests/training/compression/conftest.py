"""One file of each kind of network, for exporting takes seconds."""

from __future__ import annotations

import pytest

from tests.training.compression import nets


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> nets.File:
    file = tmp_path_factory.mktemp("pictures") / "model.onnx"
    return nets.exported(nets.seeded(nets.Pictures), file, opset=21, in_float=("stem", "norm"))


@pytest.fixture(scope="session")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> nets.File:
    file = tmp_path_factory.mktemp("sentences") / "model.onnx"
    parts = ("attention.inputs", "words")
    return nets.exported(nets.seeded(nets.Sentences), file, opset=23, in_float=parts)


@pytest.fixture(scope="session")
def tied(tmp_path_factory: pytest.TempPathFactory) -> nets.File:
    file = tmp_path_factory.mktemp("tied") / "model.onnx"
    return nets.exported(nets.seeded(nets.Tied), file, opset=21)
