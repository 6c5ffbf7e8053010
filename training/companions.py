"""Graphs that are published beside the model: other ways to run the same network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import onnx

from training.compression.quantization import quantize
from training.export import export_onnx, remove_traces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from training.served import Served
    from training.settings.sections import CompressionSettings


@dataclass(frozen=True, slots=True, eq=False)
class Companion:
    """`held_out` gives inputs of so many rows to compare the file with the module on."""

    served: Served
    held_out: Callable[[int], Mapping[str, NDArray[Any]]]


def export_companions(
    companions: Mapping[str, Companion], compression: CompressionSettings | None, folder: Path
) -> dict[str, bytes]:
    """The files by their paths, with as few bits for the weights as the model's, where
    `compression` says how few; what depends on the data that flows is not done to them.

    Raises ExportFailed.
    """
    found = {}
    for path, companion in companions.items():
        file = folder / "companion.onnx"
        export_onnx(companion.served, companion.held_out, file)
        method = compression.quantization if compression is not None else "none"
        if method in {"weight_only_int8", "weight_only_int4"}:
            smaller = quantize(onnx.load(file), method, lambda: ())
            remove_traces(smaller)
            file.write_bytes(smaller.SerializeToString(deterministic=True))
        found[path] = file.read_bytes()
    return found
