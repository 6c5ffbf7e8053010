"""A fixture model's folder, as Triton and `infermeter publish` both take it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from onnx import checker, helper

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from onnx import GraphProto


def serialized(graph: GraphProto) -> bytes:
    """The graph as a model that any onnxruntime of these years loads."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return model.SerializeToString()


def lay_out(
    place: Path,
    model: bytes,
    *,
    config: str,
    manifest: Mapping[str, Any],
    beside: Mapping[str, bytes] | None = None,
) -> Path:
    """Writes the folder, and `files` into the manifest; where it lies.

    What lies `beside` the model by path is a file of the manifest, too.
    """
    (place / "1").mkdir(parents=True, exist_ok=True)
    (place / "1" / "model.onnx").write_bytes(model)
    (place / "config.pbtxt").write_text(config)
    files = {"model.onnx": model, **(beside or {})}
    for path, content in (beside or {}).items():
        (place / path).write_bytes(content)
    entries = [
        {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for path, content in files.items()
    ]
    document = {"schema": 1, "name": place.name, "family": "contract", **manifest, "files": entries}
    (place / "manifest.json").write_text(json.dumps(document, indent=2))
    link = place / "model.onnx"
    link.unlink(missing_ok=True)
    link.symlink_to("1/model.onnx")
    return place
