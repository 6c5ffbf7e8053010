"""The manifest: what is published beside a model, and what the server believes about it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import orjson

from infermeter.embedding import Embedding, parse_embedding, takes_text
from infermeter.errors import InvalidManifest
from infermeter.fields import Fields
from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES

if TYPE_CHECKING:
    from collections.abc import Mapping


SCHEMA = 1
MODEL_FILE = "model.onnx"
MANIFEST_FILE = "manifest.json"
UNITS = ("row", "request", "token")
MODEL_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
RESERVED_NAMES = frozenset({"stats", ".", ".."})
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of the artefact: its path beside the manifest, its size in bytes and its SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Golden:
    """Inputs and the outputs that the model must give for them, as nested lists by tensor name.

    `tolerance` is the largest absolute difference that verification allows.
    """

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    tolerance: float = 1e-4


@dataclass(frozen=True, slots=True)
class Gate:
    """The recipe's threshold: `metrics[split][metric]` at least, or at most, `threshold`."""

    metric: str
    threshold: float
    split: str = "test"
    direction: str = "at_least"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model's description; `files` names everything that loading it needs.

    `card` tells people what the model is for, how it was made and how good it is; serving never
    looks at it.
    """

    name: str
    signature: Signature
    files: tuple[ModelFile, ...]
    family: str = "custom"
    platform: str = "onnx_onnxv1"
    unit: str = "row"
    golden: tuple[Golden, ...] = ()
    gate: Gate | None = None
    metrics: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    preprocessing: str = ""
    lineage: Mapping[str, Any] = field(default_factory=dict)
    embedding: Embedding | None = None
    card: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Size of all files, in bytes."""
        return sum(file.size for file in self.files)

    def named(self, name: str) -> Manifest:
        """The same manifest under another model name."""
        return replace(self, name=name)

    def with_lineage(self, more: Mapping[str, Any]) -> Manifest:
        """The same manifest with more said about where it comes from."""
        return replace(self, lineage={**self.lineage, **more}) if more else self

    def to_json(self) -> bytes:
        """Canonical JSON: the same manifest always gives the same bytes.

        Raises InvalidManifest for values that JSON cannot hold, or nested too deeply to write.
        """
        try:
            return orjson.dumps(_document(self), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
        except orjson.JSONEncodeError as error:
            raise InvalidManifest("(whole)", expected="plain JSON", got=str(error)) from None

    def digest(self) -> str:
        """`sha256:<hex>` of the canonical JSON, hence of the files, whose digests are inside."""
        return f"sha256:{hashlib.sha256(self.to_json()).hexdigest()}"

    @staticmethod
    def from_json(raw: bytes) -> Manifest:
        """Raises InvalidManifest naming the field, what was expected and what came."""
        try:
            document = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise InvalidManifest("(whole)", expected="JSON", got=str(error)) from None
        return _parse(Fields(document, ""))


def check_model_name(name: str) -> str:
    """The name, if a model may have it; InvalidManifest otherwise."""
    if not MODEL_NAME.fullmatch(name) or name in RESERVED_NAMES:
        raise InvalidManifest(
            "name",
            expected="1 to 64 of A-Z a-z 0-9 . _ - (and not 'stats')",
            got=name,
        )
    return name


def _parse(fields: Fields) -> Manifest:
    if fields.get("schema", int, f"{SCHEMA}") != SCHEMA:
        raise InvalidManifest("schema", expected=f"{SCHEMA}", got=fields.document["schema"])
    gate = fields.get("gate", dict, "an object or null", None)
    signature, files = _parse_signature(fields), _parse_files(fields)
    embedding = _parse_embedding(fields, signature, files)
    return Manifest(
        name=check_model_name(fields.text("name")),
        signature=signature,
        files=files,
        family=fields.text("family", "custom"),
        platform=fields.text("platform", "onnx_onnxv1"),
        unit=_parse_unit(fields, signature, embedding),
        golden=tuple(
            Golden(
                inputs=golden.get("inputs", dict, "an object of tensors"),
                outputs=golden.get("outputs", dict, "an object of tensors"),
                tolerance=float(golden.get("tolerance", (int, float), "a number", 1e-4)),
            )
            for golden in fields.objects("golden", [])
        ),
        gate=None if gate is None else _parse_gate(Fields(gate, "gate.")),
        metrics=_parse_metrics(fields),
        preprocessing=fields.text("preprocessing", ""),
        lineage=fields.get("lineage", dict, "an object", {}),
        embedding=embedding,
        card=fields.get("card", dict, "an object", {}),
    )


def _parse_embedding(
    fields: Fields, signature: Signature, files: tuple[ModelFile, ...]
) -> Embedding | None:
    document = fields.get("embedding", dict, "an object or null", None)
    if document is None:
        return None
    paths = [file.path for file in files]
    return parse_embedding(Fields(document, "embedding."), signature, paths)


def _parse_unit(fields: Fields, signature: Signature, embedding: Embedding | None) -> str:
    unit = fields.choice("unit", UNITS, "row")
    if unit == "token" and (embedding is None or takes_text(embedding, signature)):
        raise InvalidManifest(
            "unit", expected="row or request for a model that is not given token ids", got=unit
        )
    return unit


def _parse_gate(fields: Fields) -> Gate:
    return Gate(
        metric=fields.text("metric"),
        threshold=float(fields.get("threshold", (int, float), "a number")),
        split=fields.text("split", "test"),
        direction=fields.choice("direction", ("at_least", "at_most"), "at_least"),
    )


def _parse_metrics(fields: Fields) -> dict[str, dict[str, float | None]]:
    splits = fields.get("metrics", dict, "an object of splits", {})
    for split, found in splits.items():
        metrics = Fields(found, f"metrics.{split}.")
        for metric in metrics.document:
            # JSON has no NaN: a metric that could not be computed is null.
            metrics.get(metric, (int, float), "a number or null", None)
    return dict(splits)


def _parse_signature(fields: Fields) -> Signature:
    inputs = tuple(_parse_spec(spec) for spec in fields.objects("inputs"))
    outputs = tuple(_parse_spec(spec) for spec in fields.objects("outputs"))
    axis = fields.get("batch_axis", int, "an axis or null", None)
    for name, specs in (("inputs", inputs), ("outputs", outputs)):
        if not specs:
            raise InvalidManifest(name, expected="at least one tensor", got=[])
        names = [spec.name for spec in specs]
        if len(set(names)) < len(names):
            raise InvalidManifest(name, expected="each name once", got=names)
        if axis is not None and any(not 0 <= axis < len(spec.shape) for spec in specs):
            raise InvalidManifest("batch_axis", expected=f"an axis of each of the {name}", got=axis)
    return Signature(inputs, outputs, axis)


def _parse_spec(fields: Fields) -> TensorSpec:
    shape = fields.get("shape", list, "a list of sizes, -1 where variable")
    if not all(type(size) is int and size >= -1 for size in shape):
        raise InvalidManifest(f"{fields.path}shape", expected="sizes, -1 where variable", got=shape)
    datatype = DATATYPES[fields.choice("datatype", tuple(DATATYPES))]
    labels = fields.get("labels", list, "a list of strings", [])
    if not all(isinstance(label, str) for label in labels):
        raise InvalidManifest(f"{fields.path}labels", expected="a list of strings", got=labels)
    return TensorSpec(fields.text("name"), datatype, tuple(shape), tuple(labels))


def _parse_files(fields: Fields) -> tuple[ModelFile, ...]:
    files = []
    for entry in fields.objects("files"):
        path, sha256 = entry.text("path"), entry.text("sha256")
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or not path:
            raise InvalidManifest(
                f"{entry.path}path", expected="a path below the manifest", got=path
            )
        if not _SHA256.fullmatch(sha256):
            raise InvalidManifest(f"{entry.path}sha256", expected="64 hex digits", got=sha256)
        size = entry.get("size", int, "a size in bytes")
        if size < 0:
            raise InvalidManifest(f"{entry.path}size", expected="0 or more bytes", got=size)
        files.append(ModelFile(path, size, sha256))
    paths = [file.path for file in files]
    if MODEL_FILE not in paths:
        raise InvalidManifest("files", expected=f"an entry for '{MODEL_FILE}'", got=paths)
    if len({*paths, MANIFEST_FILE}) <= len(paths):
        raise InvalidManifest(
            "files", expected=f"each path once, and not '{MANIFEST_FILE}'", got=paths
        )
    return tuple(files)


def _document(manifest: Manifest) -> dict[str, Any]:
    gate = manifest.gate
    # Left out where there is none: the digests of older manifests stand.
    embedding = {} if manifest.embedding is None else {"embedding": manifest.embedding.document()}
    card = {"card": manifest.card} if manifest.card else {}
    return {
        "schema": SCHEMA,
        "name": manifest.name,
        "family": manifest.family,
        "platform": manifest.platform,
        "batch_axis": manifest.signature.batch_axis,
        "inputs": [_spec_document(spec) for spec in manifest.signature.inputs],
        "outputs": [_spec_document(spec) for spec in manifest.signature.outputs],
        "unit": manifest.unit,
        "files": [
            {"path": file.path, "size": file.size, "sha256": file.sha256} for file in manifest.files
        ],
        "golden": [
            {"inputs": golden.inputs, "outputs": golden.outputs, "tolerance": golden.tolerance}
            for golden in manifest.golden
        ],
        "gate": gate
        and {
            "metric": gate.metric,
            "threshold": gate.threshold,
            "split": gate.split,
            "direction": gate.direction,
        },
        "metrics": manifest.metrics,
        "preprocessing": manifest.preprocessing,
        "lineage": manifest.lineage,
        **embedding,
        **card,
    }


def _spec_document(spec: TensorSpec) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": spec.name,
        "datatype": spec.datatype.name,
        "shape": list(spec.shape),
    }
    if spec.labels:
        document["labels"] = list(spec.labels)
    return document
