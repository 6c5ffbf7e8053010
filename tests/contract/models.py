"""The fixture models, as ONNX: `python -m tests.contract.models FOLDER`.

All but one give their inputs back, so that what a server must answer is what it was sent; the last
one embeds. A folder holds `1/model.onnx` and `config.pbtxt` as Triton wants them, and what
`infermeter publish` takes: `manifest.json` and `model.onnx`, a link.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from onnx import TensorProto, helper

from . import embedder
from .fixtures import FIXTURES, Fixture
from .layout import lay_out, serialized

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
    place = lay_out(
        folder / fixture.name, model(fixture), config=_config(fixture), manifest=_manifest(fixture)
    )
    if fixture.labels:
        (place / "labels.txt").write_text("\n".join(fixture.labels) + "\n")
    return place


def write_all(folder: Path) -> list[Path]:
    """Writes every fixture below the folder; where they lie."""
    return [*(write(folder, fixture) for fixture in FIXTURES), embedder.write(folder)]


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
    return serialized(helper.make_graph(nodes, fixture.name, inputs, outputs))


def _manifest(fixture: Fixture) -> dict[str, Any]:
    outputs = _specs("OUTPUT", fixture)
    if fixture.labels:
        outputs[0]["labels"] = list(fixture.labels)
    axis = 0 if fixture.batched else None
    return {"batch_axis": axis, "inputs": _specs("INPUT", fixture), "outputs": outputs}


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
    write_all(Path(sys.argv[1]))
