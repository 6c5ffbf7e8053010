"""What a server says of itself and its models."""

from __future__ import annotations

from dataclasses import replace

from infermeter.signature import MAX_BATCH
from infermeter.wire.metadata import model_config, model_metadata
from tests.models import identity, linear_manifest, manifest_of


def test_metadata_says_shapes_versions_and_digest() -> None:
    document = model_metadata(linear_manifest(), ["1", "2"], "sha256:00")
    assert document == {
        "name": "linear",
        "versions": ["1", "2"],
        "platform": "onnx_onnxv1",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
        "properties": {"digest": "sha256:00"},
    }


def test_a_configuration_leaves_the_batch_out_of_dims() -> None:
    config = model_config(linear_manifest(), "3")
    assert config["max_batch_size"] == MAX_BATCH
    assert config["input"] == [{"name": "x", "data_type": "TYPE_FP32", "dims": [3]}]
    assert config["output"] == [{"name": "y", "data_type": "TYPE_FP32", "dims": [2]}]
    assert config["version_policy"] == {"specific": {"versions": [3]}}


def test_without_a_batch_axis_all_dims_are_there() -> None:
    manifest = linear_manifest()
    whole = replace(manifest, signature=replace(manifest.signature, batch_axis=None))
    config = model_config(whole, "1")
    assert config["max_batch_size"] == 0
    assert config["input"][0]["dims"] == [-1, 3]


def test_bytes_are_strings_in_a_configuration() -> None:
    manifest = manifest_of(identity("BYTES"), name="text", datatype="BYTES", width=2)
    assert model_config(manifest, "1")["input"][0]["data_type"] == "TYPE_STRING"
