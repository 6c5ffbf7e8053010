"""The door by which a model version comes in: gate, verify, write, register, then move the alias.

Every refusal comes before anything is changed.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from infermeter.agreement import agree
from infermeter.engine.stacking import keeps_rows_apart
from infermeter.engine.tokenizer import Tokenizer
from infermeter.errors import (
    GateNotPassed,
    InfermeterError,
    InvalidManifest,
    ModelUnavailable,
    VerificationFailed,
)
from infermeter.manifest import MANIFEST_FILE, Manifest, check_model_name
from infermeter.registry.catalog import ModelVersion
from infermeter.wire.json_tensors import decode_data

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    from infermeter.engine.runtime import LoadedModel, Runtime
    from infermeter.manifest import Golden
    from infermeter.registry.catalog import Registry
    from infermeter.signature import TensorSpec


class Artifact(Protocol):
    """A model as its trainer left it: a folder of files, wherever it lies."""

    def read(self, path: str) -> bytes:
        """The file's content; VerificationFailed if there is none."""
        ...


class ModelStore(Protocol):
    """Where versions' files go. A file that is there is never overwritten."""

    def write(self, prefix: str, path: str, content: bytes) -> None:
        """Writes one file below a version's prefix."""
        ...


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """The gate's verdict, with what it was made of."""

    passed: bool
    metric: str
    value: float | None
    threshold: float | None
    reason: str


def judge(manifest: Manifest) -> GateOutcome:
    """Whether the model is as good as its recipe demands, by the metrics in its manifest.

    A model without a gate (one trained elsewhere) passes, and the reason says so.
    """
    gate = manifest.gate
    if gate is None:
        return GateOutcome(True, "", None, None, "the manifest names no gate")
    value = manifest.metrics.get(gate.split, {}).get(gate.metric)
    words = gate.direction.replace("_", " ")
    wanted = f"expected {gate.split} {gate.metric} {words} {gate.threshold:g}"
    if value is None or not math.isfinite(value):
        return GateOutcome(False, gate.metric, None, gate.threshold, f"{wanted}, got {value}")
    better = value >= gate.threshold if gate.direction == "at_least" else value <= gate.threshold
    return GateOutcome(better, gate.metric, value, gate.threshold, f"{wanted}, got {value:.4f}")


class Publisher:
    """Publishes artefacts. The same artefact under the same name is published once."""

    def __init__(
        self, registry: Registry, store: ModelStore, runtime: Runtime, clock: Callable[[], float]
    ) -> None:
        self._registry, self._store, self._runtime = registry, store, runtime
        self._clock = clock

    def publish(
        self,
        artifact: Artifact,
        *,
        name: str | None = None,
        lineage: Mapping[str, Any] | None = None,
    ) -> ModelVersion:
        """Gates and verifies the artefact, writes it, registers it; no alias moves.

        Raises PublicationRefused (InvalidManifest, GateNotPassed, VerificationFailed).
        """
        manifest = read_manifest(artifact, name, lineage)
        outcome = judge(manifest)
        if not outcome.passed:
            raise GateNotPassed(f"gate: {outcome.reason}; train further or change the recipe")
        known = self._registry.version_of_digest(manifest.name, manifest.digest())
        if known is not None:
            return known
        files = {file.path: artifact.read(file.path) for file in manifest.files}
        verify(manifest, files, self._runtime)
        return self._write(manifest, files)

    def promote(self, model: str, version: str, alias: str) -> None:
        """Points the alias at the version; UnknownVersion if it is not registered."""
        if alias.isdigit():
            raise InvalidManifest("alias", expected="a name that is not a number", got=alias)
        check_model_name(alias)
        self._registry.move_alias(model, alias, version)

    def _write(self, manifest: Manifest, files: Mapping[str, bytes]) -> ModelVersion:
        number = self._registry.reserve_version(manifest.name)
        version = ModelVersion(
            manifest.name, number, manifest.digest(), manifest.size, int(self._clock())
        )
        for path, content in files.items():
            self._store.write(version.prefix, path, content)
        self._store.write(version.prefix, MANIFEST_FILE, manifest.to_json())
        return self._registry.add_version(version)


def read_manifest(
    artifact: Artifact, name: str | None = None, lineage: Mapping[str, Any] | None = None
) -> Manifest:
    """The artefact's manifest, under another name and with more lineage where given."""
    manifest = Manifest.from_json(artifact.read(MANIFEST_FILE))
    if name is not None:
        manifest = manifest.named(check_model_name(name))
    return manifest.with_lineage(lineage or {})


def verify(manifest: Manifest, files: Mapping[str, bytes], runtime: Runtime) -> None:
    """Loads the model as serving will, and holds it to its manifest.

    Raises VerificationFailed: a file differs from its digest, the model or its tokenizer does not
    load, its inputs and outputs are not the signature's, a golden input does not give the golden
    output, or rows on the batch axis see each other.
    """
    for file in manifest.files:
        if len(files[file.path]) != file.size:
            raise VerificationFailed(
                f"{file.path}: expected {file.size} bytes, got {len(files[file.path])}; "
                "export again"
            )
        found = hashlib.sha256(files[file.path]).hexdigest()
        if found != file.sha256:
            raise VerificationFailed(
                f"{file.path}: expected SHA-256 {file.sha256}, got {found}; export again"
            )
    try:
        model = runtime.load(files)
    except InfermeterError as error:
        raise VerificationFailed(str(error)) from error
    _check_signature(manifest, model)
    _check_tokenizer(manifest, files)
    for number, golden in enumerate(manifest.golden):
        _check_golden(manifest, golden, number, model)
    if not keeps_rows_apart(model, manifest.signature):
        raise VerificationFailed(
            f"batch_axis: expected rows that do not see each other, got others on axis "
            f"{manifest.signature.batch_axis}; set batch_axis to null"
        )


def _check_signature(manifest: Manifest, model: LoadedModel) -> None:
    for kind, declared, found in (
        ("input", manifest.signature.inputs, model.signature.inputs),
        ("output", manifest.signature.outputs, model.signature.outputs),
    ):
        graph = {spec.name: spec for spec in found}
        missing = [spec.name for spec in declared if spec.name not in graph]
        # Outputs may be left out of the service; inputs may not.
        extra = set(graph) - {spec.name for spec in declared} if kind == "input" else set()
        if missing or extra:
            raise VerificationFailed(
                f"{kind}s: expected the graph's {sorted(graph)}, got {[s.name for s in declared]}"
            )
        for spec in declared:
            _check_spec(kind, spec, graph[spec.name])


def _check_tokenizer(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    path = manifest.embedding and manifest.embedding.tokenizer
    if not path:
        return
    try:
        size = Tokenizer(files[path]).size
    except ModelUnavailable as error:
        raise VerificationFailed(f"{path}: {error}") from error
    if not size:
        raise VerificationFailed(f"{path}: expected a vocabulary, got an empty one")


def _check_spec(kind: str, declared: TensorSpec, found: TensorSpec) -> None:
    if (declared.datatype, declared.shape) != (found.datatype, found.shape):
        raise VerificationFailed(
            f"{kind} '{declared.name}': expected the graph's {found.datatype.name} "
            f"{list(found.shape)}, got {declared.datatype.name} {list(declared.shape)}"
        )


def _check_golden(manifest: Manifest, golden: Golden, number: int, model: LoadedModel) -> None:
    signature = manifest.signature
    try:
        inputs = {spec.name: _golden_array(spec, golden.inputs) for spec in signature.inputs}
        wanted = {
            spec.name: _golden_array(spec, golden.outputs)
            for spec in signature.outputs
            if spec.name in golden.outputs
        }
        if not wanted or len(wanted) < len(golden.outputs):
            names = [spec.name for spec in signature.outputs]
            raise VerificationFailed(f"expected outputs of {names}, got {[*golden.outputs]}")
        outputs = model.run(inputs, tuple(wanted))
    except InfermeterError as error:
        raise VerificationFailed(f"golden[{number}]: {error}") from error
    for (name, expected), got in zip(wanted.items(), outputs, strict=True):
        if not agree(expected, got, rtol=0, atol=golden.tolerance):
            raise VerificationFailed(
                f"golden[{number}]: output '{name}' differs from the exported one by more than "
                f"{golden.tolerance:g}; this onnxruntime does not compute what the trainer did"
            )


def _golden_array(spec: TensorSpec, values: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    data = values.get(spec.name)
    if not isinstance(data, list):
        raise VerificationFailed(f"golden: expected a list for '{spec.name}', got {data!r}")
    return decode_data(spec.name, spec.datatype, _nested_shape(data), data)


def _nested_shape(data: object) -> tuple[int, ...]:
    shape: list[int] = []
    while isinstance(data, list):
        shape.append(len(data))
        data = data[0] if data else None
    return tuple(shape)
