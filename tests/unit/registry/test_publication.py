"""The door by which versions come in: every refusal before anything is changed."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import pytest

from infermeter.engine.onnx import OnnxRuntime
from infermeter.errors import (
    GateNotPassed,
    InvalidManifest,
    PublicationRefused,
    UnknownVersion,
    VerificationFailed,
)
from infermeter.manifest import MANIFEST_FILE, MODEL_FILE, Gate, Golden, Manifest, ModelFile
from infermeter.registry.publication import Publisher, judge
from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES
from tests.models import (
    encoder,
    encoder_manifest,
    identity,
    linear,
    linear_manifest,
    manifest_of,
    mixing,
    tokenizer,
)
from tests.ports import Clock, MemoryArtifact, MemoryFiles, MemoryRegistry

MANIFEST = linear_manifest()
GATED = replace(MANIFEST, gate=Gate("accuracy", 0.9))
Y = MANIFEST.signature.outputs[0]


class Door:
    """A publisher over memory."""

    def __init__(self) -> None:
        self.registry, self.store = MemoryRegistry(), MemoryFiles()
        runtime = OnnxRuntime(memory_mb=512)
        self.publisher = Publisher(self.registry, self.store, runtime, Clock())

    def publish(self, manifest: Manifest, model: bytes | None = None, **more: object) -> str:
        contents = {
            MODEL_FILE: linear() if model is None else model,
            MANIFEST_FILE: manifest.to_json(),
        }
        return self.publisher.publish(MemoryArtifact(contents), **more).version

    def untouched(self) -> bool:
        return not self.registry.writes and not self.store.contents


@pytest.fixture
def door() -> Door:
    return Door()


def shaped(**changes: object) -> Manifest:
    return replace(MANIFEST, signature=replace(MANIFEST.signature, **changes))


def golden(inputs: dict, outputs: dict, tolerance: float = 1e-4) -> Manifest:
    return replace(MANIFEST, golden=(Golden(inputs, outputs, tolerance),))


def test_a_version_is_written_and_registered(door: Door) -> None:
    assert door.publish(MANIFEST) == "1"
    assert door.store.contents == {
        "models/linear/1/model.onnx": linear(),
        "models/linear/1/manifest.json": MANIFEST.to_json(),
    }
    assert door.registry.versions["linear"]["1"].digest == MANIFEST.digest()


def test_publishing_moves_no_alias(door: Door) -> None:
    door.publish(MANIFEST)
    assert not door.registry.aliases


def test_the_same_artefact_is_published_once(door: Door) -> None:
    door.publish(MANIFEST)
    before = dict(door.store.contents)
    assert door.publish(MANIFEST) == "1"
    assert door.store.contents == before


def test_another_name_is_another_model(door: Door) -> None:
    door.publish(MANIFEST, name="other")
    assert list(door.registry.versions) == ["other"]
    assert b'"other"' in door.store.contents["models/other/1/manifest.json"]


def test_lineage_is_written_into_the_manifest(door: Door) -> None:
    door.publish(MANIFEST, lineage={"job": "j-1"})
    assert b'"j-1"' in door.store.contents["models/linear/1/manifest.json"]


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (GATED, "expected test accuracy at least 0.9, got None"),
        (replace(GATED, metrics={"test": {"accuracy": 0.89}}), "got 0.8900"),
        (replace(GATED, metrics={"test": {"accuracy": math.nan}}), "got None"),
        (replace(GATED, metrics={"train": {"accuracy": 0.99}}), "got None"),
    ],
)
def test_a_model_that_is_not_good_enough_is_refused(
    door: Door, manifest: Manifest, message: str
) -> None:
    with pytest.raises(GateNotPassed, match=message):
        door.publish(manifest)
    assert door.untouched()


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (replace(MANIFEST, files=(ModelFile(MODEL_FILE, len(linear()), "0" * 64),)), "SHA-256"),
        (replace(MANIFEST, files=(replace(MANIFEST.files[0], size=1),)), "expected 1 bytes"),
        (replace(MANIFEST, files=(*MANIFEST.files, ModelFile("a", 1, "0" * 64))), "'a', got none"),
        (shaped(inputs=(TensorSpec("z", DATATYPES["FP32"], (-1, 3)),)), "inputs: expected .*'x'"),
        (shaped(inputs=(*MANIFEST.signature.inputs, Y)), "inputs: expected"),
        (shaped(inputs=(TensorSpec("x", DATATYPES["FP32"], (-1, 4)),)), r"\[-1, 3\]"),
        (shaped(inputs=(TensorSpec("x", DATATYPES["FP64"], (-1, 3)),)), "FP32 .* got FP64"),
        (shaped(outputs=(replace(Y, name="z"),)), "outputs: expected .*'y'"),
        (golden({"x": [[1, 2, 3]]}, {"y": [[0, 0]]}), r"golden\[0\]: output 'y' differs"),
        (golden({"x": [[1, 2, 3]]}, {"y": [[1, 2, 3]]}), r"golden\[0\]: output 'y' differs"),
        (golden({"x": [[1, 2, 3]]}, {}), r"golden\[0\]: expected outputs of \['y'\], got \[\]"),
        (golden({"x": [[1, 2, 3]]}, {"z": [[1]]}), "expected outputs of"),
        (golden({}, {"y": [[0, 0]]}), "expected a list for 'x'"),
        (golden({"x": [[1, 2], [3]]}, {"y": [[0, 0]]}), "ragged"),
        (golden({"x": [["a", 2, 3]]}, {"y": [[0, 0]]}), r"golden\[0\]: input 'x'"),
        (golden({"x": [[1, 2]]}, {"y": [[0, 0]]}), "could not compute"),
    ],
)
def test_a_model_that_is_not_what_its_manifest_says_is_refused(
    door: Door, manifest: Manifest, message: str
) -> None:
    with pytest.raises(VerificationFailed, match=message):
        door.publish(manifest)
    assert door.untouched()


def test_a_model_that_does_not_load_is_refused(door: Door) -> None:
    with pytest.raises(VerificationFailed, match="could not load"):
        door.publish(manifest_of(b"nonsense", name="m"), b"nonsense")
    assert door.untouched()


def test_rows_that_see_each_other_may_not_be_stacked(door: Door) -> None:
    manifest = manifest_of(mixing(), name="m", width=2)
    with pytest.raises(VerificationFailed, match="set batch_axis to null"):
        door.publish(manifest, mixing())
    assert door.untouched()
    door.publish(
        replace(manifest, signature=replace(manifest.signature, batch_axis=None)), mixing()
    )


def encoder_artifact(file: bytes) -> MemoryArtifact:
    described = ModelFile("tokenizer.json", len(file), hashlib.sha256(file).hexdigest())
    manifest = encoder_manifest()
    manifest = replace(manifest, files=(manifest.files[0], described))
    contents = {MODEL_FILE: encoder(), "tokenizer.json": file, MANIFEST_FILE: manifest.to_json()}
    return MemoryArtifact(contents)


def test_an_encoder_is_published_with_its_tokenizer(door: Door) -> None:
    version = door.publisher.publish(encoder_artifact(tokenizer()))
    assert door.store.contents[f"{version.prefix}tokenizer.json"] == tokenizer()


@pytest.mark.parametrize("file", [b"nonsense", b"{}"])
def test_a_tokenizer_that_does_not_load_is_refused(door: Door, file: bytes) -> None:
    with pytest.raises(VerificationFailed, match=r"tokenizer\.json.*could not be loaded"):
        door.publisher.publish(encoder_artifact(file))
    assert door.untouched()


def test_lineage_that_json_cannot_hold_is_refused(door: Door) -> None:
    with pytest.raises(InvalidManifest, match="plain JSON"):
        door.publish(MANIFEST, lineage={"huge": 2**70})
    assert door.untouched()


def test_an_artefact_without_a_manifest_is_refused(door: Door) -> None:
    with pytest.raises(VerificationFailed, match=r"manifest\.json"):
        door.publisher.publish(MemoryArtifact({}))


def test_a_name_that_no_model_may_have_is_refused(door: Door) -> None:
    with pytest.raises(InvalidManifest, match="name"):
        door.publish(MANIFEST, name="a/b")
    assert door.untouched()


def test_integers_must_be_golden_exactly(door: Door) -> None:
    model = identity("INT64")
    file = ModelFile(MODEL_FILE, len(model), hashlib.sha256(model).hexdigest())
    big = 2**60
    signature = Signature(
        (TensorSpec("x", DATATYPES["INT64"], (-1, 2)),),
        (TensorSpec("y", DATATYPES["INT64"], (-1, 2)),),
    )
    wrong = Golden({"x": [[big, 1]]}, {"y": [[big + 1, 1]]})
    with pytest.raises(VerificationFailed, match="differs"):
        door.publish(Manifest("m", signature, (file,), golden=(wrong,)), model)


def test_an_alias_moves_to_a_registered_version(door: Door) -> None:
    door.publish(MANIFEST)
    door.publisher.promote("linear", "1", "prod")
    assert door.registry.aliases == {"linear": {"prod": "1"}}


def test_an_alias_needs_a_version(door: Door) -> None:
    with pytest.raises(UnknownVersion):
        door.publisher.promote("linear", "1", "prod")


@pytest.mark.parametrize("alias", ["1", "", "a/b", "a b"])
def test_an_alias_is_a_name(door: Door, alias: str) -> None:
    door.publish(MANIFEST)
    with pytest.raises(PublicationRefused):
        door.publisher.promote("linear", "1", alias)
    assert not door.registry.aliases


@pytest.mark.parametrize(
    ("direction", "value", "passed"),
    [
        ("at_least", 0.9, True),
        ("at_least", 0.89, False),
        ("at_most", 0.9, True),
        ("at_most", 0.91, False),
        ("at_most", None, False),
        ("at_most", -math.inf, False),
    ],
)
def test_the_gate_is_judged_by_its_direction(
    direction: str, value: float | None, passed: bool
) -> None:
    gate = Gate("accuracy", 0.9, direction=direction)
    outcome = judge(replace(MANIFEST, gate=gate, metrics={"test": {"accuracy": value}}))
    assert outcome.passed is passed
    assert (outcome.metric, outcome.threshold) == ("accuracy", 0.9)


def test_without_a_gate_a_model_passes_and_it_is_said() -> None:
    outcome = judge(MANIFEST)
    assert outcome.passed
    assert outcome.reason == "the manifest names no gate"
