"""The fixture models, as ONNX: `python -m tests.contract.models FOLDER`.

Every one gives its inputs back, so that what a server must answer is what it was sent. A folder
holds `1/model.onnx` and `config.pbtxt` as Triton wants them, and what `infermeter publish` takes:
`manifest.json` and `model.onnx`, a link.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from onnx import TensorProto, checker, helper

from .fixtures import FIXTURES, Fixture

# Triton wants a bound; ours has none but the size of a body.
MAX_BATCH = 64

_ONNX = {
    "FP16": "FLOAT16",
    "FP32": "FLOAT",
    "FP64": "DOUBLE",
    "BF16": "BFLOAT16",
    "BYTES": "STRING",
}


def write(folder: Path, fixture: Fixture) -> Path:
    """Writes one model below the folder; where it lies."""
    place = folder / fixture.name
    (place / "1").mkdir(parents=True, exist_ok=True)
    content = model(fixture)
    (place / "1" / "model.onnx").write_bytes(content)
    (place / "config.pbtxt").write_text(_config(fixture))
    if fixture.labels:
        (place / "labels.txt").write_text("\n".join(fixture.labels) + "\n")
    (place / "manifest.json").write_text(json.dumps(_manifest(fixture, content), indent=2))
    link = place / "model.onnx"
    link.unlink(missing_ok=True)
    link.symlink_to("1/model.onnx")
    return place


def model(fixture: Fixture) -> bytes:
    """The ONNX model: an Identity for each tensor."""
    nodes, inputs, outputs = [], [], []
    for index, (datatype, shape) in enumerate(fixture.tensors):
        given, back = f"INPUT{index}", f"OUTPUT{index}"
        kind = getattr(TensorProto, _ONNX.get(datatype, datatype))
        axes = [f"{index}_{axis}" if size < 0 else size for axis, size in enumerate(shape)]
        nodes.append(helper.make_node("Identity", [given], [back]))
        inputs.append(helper.make_tensor_value_info(given, kind, axes))
        outputs.append(helper.make_tensor_value_info(back, kind, axes))
    graph = helper.make_graph(nodes, fixture.name, inputs, outputs)
    # Old enough for any onnxruntime of these years.
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(built)
    return built.SerializeToString()


def _manifest(fixture: Fixture, content: bytes) -> dict[str, Any]:
    outputs = _specs("OUTPUT", fixture)
    if fixture.labels:
        outputs[0]["labels"] = list(fixture.labels)
    digest = hashlib.sha256(content).hexdigest()
    return {
        "schema": 1,
        "name": fixture.name,
        "family": "contract",
        "batch_axis": 0 if fixture.batched else None,
        "inputs": _specs("INPUT", fixture),
        "outputs": outputs,
        "files": [{"path": "model.onnx", "size": len(content), "sha256": digest}],
    }


def _specs(side: str, fixture: Fixture) -> list[dict[str, Any]]:
    return [
        {"name": f"{side}{index}", "datatype": datatype, "shape": list(shape)}
        for index, (datatype, shape) in enumerate(fixture.tensors)
    ]


def _config(fixture: Fixture) -> str:
    lines = [
        f'name: "{fixture.name}"',
        'platform: "onnxruntime_onnx"',
        f"max_batch_size: {MAX_BATCH if fixture.batched else 0}",
    ]
    for side in ("input", "output"):
        for spec in _specs(side.upper(), fixture):
            dims = spec["shape"][1:] if fixture.batched else spec["shape"]
            kind = spec["datatype"].replace("BYTES", "STRING")
            # Triton has no dims of a scalar; it takes [1], reshaped.
            shape = f"dims: {dims}" if dims else "dims: [1] reshape: {shape: []}"
            labels = ' label_filename: "labels.txt"' if fixture.labels and side == "output" else ""
            lines.append(
                f'{side} [{{name: "{spec["name"]}" data_type: TYPE_{kind} {shape}{labels}}}]'
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.contract.models FOLDER")
    for each in FIXTURES:
        write(Path(sys.argv[1]), each)
