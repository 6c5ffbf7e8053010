"""A network as an ONNX file, judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.export import OnnxFile, export_onnx, run_module

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from training.data.dataset import Dataset
    from training.evaluation.evaluation import Evaluation
    from training.export import Export
    from training.families.family import Family
    from training.served import Served

    Tensors = Mapping[str, NDArray[Any]]
    Run = Callable[[Tensors], Tensors]

# Of the largest answer, where that is more than 1.
GOLDEN_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """A file and what was exported into it. `answers` gives what golden inputs shall be answered
    by, to `tolerance` of the largest answer where that is more than 1."""

    served: Served
    export: Export
    file: Path
    answers: Run
    tolerance: float = GOLDEN_TOLERANCE


def export_network(
    family: Family[Any], network: nn.Module, dataset: Dataset, file: Path, opset: int = 0
) -> Exported:
    """Write the network, which is put on the CPU; `opset` is the least that the file is to have.

    Raises ExportFailed.
    """
    served = family.served(network.cpu().eval(), dataset)
    served = served.with_opset(max(opset, served.opset))
    export = export_onnx(served, lambda rows: held_out(family, dataset, rows), file)

    def answers(inputs: Tensors) -> Tensors:
        return run_module(served.module, served.signature, inputs)

    return Exported(served, export, file, answers)


def evaluate(family: Family[Any], exported: Exported, dataset: Dataset) -> dict[str, Evaluation]:
    """Every split's figures, by the file's answers."""
    written = OnnxFile(exported.file)
    return {
        split: family.judge(written.run, exported.served, dataset, split)
        for split in dataset.splits()
    }


def held_out(family: Family[Any], dataset: Dataset, rows: int) -> dict[str, NDArray[Any]]:
    """The first test rows, from the start again where there are too few."""
    return family.inputs(dataset.test, np.arange(rows) % len(dataset.test))
