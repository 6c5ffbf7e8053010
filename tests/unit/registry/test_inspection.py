"""A manifest for a model that brings none."""

from __future__ import annotations

import pytest

from infermeter.engine.onnx import OnnxRuntime
from infermeter.errors import InvalidManifest, VerificationFailed
from infermeter.manifest import Manifest
from infermeter.registry.inspection import inspect
from tests.models import linear, manifest_of, mixing

RUNTIME = OnnxRuntime(memory_mb=512)


def test_the_manifest_says_what_the_graph_says() -> None:
    assert inspect(linear(), "linear", RUNTIME) == manifest_of(linear(), name="linear")


def test_a_manifest_made_here_reads_back() -> None:
    manifest = inspect(linear(), "linear", RUNTIME)
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_rows_that_see_each_other_are_one_request() -> None:
    assert inspect(mixing(), "mixing", RUNTIME).signature.batch_axis is None


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(VerificationFailed, match="could not load"):
        inspect(b"nonsense", "m", RUNTIME)


def test_a_name_that_no_model_may_have_is_refused() -> None:
    with pytest.raises(InvalidManifest):
        inspect(linear(), "a/b", RUNTIME)
