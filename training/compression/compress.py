"""From the dense model to the compressed one, each step a file that is judged and measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from training.compression.clustering import FOUR_BIT_OPSET, share_weights
from training.compression.groups import named_groups
from training.compression.measurement import measure_speed, sizes
from training.compression.outcome import Outcome, Step
from training.compression.quantization import quantize
from training.compression.verdict import JUDGED_SPLIT, judge
from training.errors import InvalidSetting
from training.export import OnnxFile, largest_difference, measure_parity, remove_traces
from training.exported import GOLDEN_TOLERANCE, evaluate, export_network, held_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from training.compression.finetuning import Pruned
    from training.data.dataset import Dataset
    from training.evaluation.evaluation import Evaluation
    from training.exported import Exported
    from training.families.family import Family
    from training.served import Served
    from training.settings.sections import CompressionSettings

    Evaluations = Mapping[str, Evaluation]

# Training rows from which int8's ranges are learned.
CALIBRATION_ROWS, CALIBRATION_BATCH = 512, 32
# Rows on which a file is compared with the one before.
COMPARED_ROWS = 64
# An activation that lies between two of 256 values falls to either by the last bit of a float,
# which is another on another CPU: seen to move answers by 0.8 % of the largest.
QUANTIZED_TOLERANCE = 2e-2


def least_opset(settings: CompressionSettings) -> int:
    """Which the exported graph must have for what will be done to it."""
    return FOUR_BIT_OPSET if settings.four_bits else 0


def check_served(settings: CompressionSettings, served: Served) -> None:
    """Before training: InvalidSetting for what the model cannot be served with, CompressionFailed
    for a network that names nothing to take out."""
    if settings.pruning == "structured":
        named_groups(served.module)
    if settings.quantization == "dynamic_int8" and served.embedding is not None:
        raise InvalidSetting(
            "quantization",
            expected="static_int8 or weight_only_int8 for a model that embeds, since with "
            "dynamic_int8 a row's answer depends on the rows beside it",
            got="dynamic_int8",
        )


def compress(
    family: Family[Any],
    dataset: Dataset,
    dense: Exported,
    evaluations: Evaluations,
    pruned: Pruned | None,
) -> tuple[Exported, Evaluations, Outcome]:
    """What is to be published, its figures, and what led there: the compressed model, or the dense
    one where too much is lost. Files are written beside the dense one.

    Raises CompressionFailed, ExportFailed.
    """
    steps = _Steps(family, dataset, dense, evaluations)
    outcome = steps.run(pruned)
    if outcome.verdict.passed:
        return *steps.last, outcome
    # Again, for a family may keep what it saw while it judged: that of what is published.
    return dense, evaluate(family, dense, dataset), outcome


class _Steps:
    """A job's steps so far; each file lies beside the dense one."""

    def __init__(
        self, family: Family[Any], dataset: Dataset, dense: Exported, evaluations: Evaluations
    ) -> None:
        self._family, self._dataset = family, dataset
        self._settings = family.recipe.compression
        self._folder = dense.file.parent
        self._models = {"dense": (dense, evaluations)}
        self._steps = [_step("dense", dense.file, evaluations)]

    def run(self, pruned: Pruned | None) -> Outcome:
        """All steps, the speed of each, and the verdict on the last."""
        settings = self._settings
        if pruned is not None:
            self._add_pruned(pruned)
        if settings.clusters:
            self._rewrite(
                f"{settings.clusters} clusters",
                lambda model, _: share_weights(model, settings.clusters),
                GOLDEN_TOLERANCE,
            )
        if (method := settings.quantization) != "none":
            self._rewrite(
                method,
                lambda model, left: quantize(model, method, self._calibration, left),
                QUANTIZED_TOLERANCE,
            )
        metric = self._family.recipe.gate.metric
        first, last = (
            getattr(self._steps[place].evaluations[JUDGED_SPLIT], metric) for place in (0, -1)
        )
        return Outcome(
            steps=self._steps,
            speeds=measure_speed(
                {name: model.file for name, (model, _) in self._models.items()},
                lambda rows: held_out(self._family, self._dataset, rows),
            ),
            verdict=judge(metric, first, last, settings.quality_loss),
            pruned=pruned,
        )

    @property
    def last(self) -> tuple[Exported, Evaluations]:
        return [*self._models.values()][-1]

    def _add_pruned(self, pruned: Pruned) -> None:
        settings = self._settings
        name = f"{settings.pruning} pruning of {settings.pruned_share:g}"
        file = self._folder / "pruned.onnx"
        model = export_network(
            self._family, pruned.network, self._dataset, file, least_opset(settings)
        )
        self._add(name, model)

    def _rewrite(
        self,
        name: str,
        change: Callable[[onnx.ModelProto, tuple[str, ...]], onnx.ModelProto],
        tolerance: float,
    ) -> None:
        """The last file, changed."""
        before, _ = self.last
        changed = change(onnx.load(before.file), before.export.in_float)
        remove_traces(changed)
        onnx.checker.check_model(changed)
        file = self._folder / f"{name.replace(' ', '-')}.onnx"
        file.write_bytes(changed.SerializeToString(deterministic=True))
        operators = tuple(node.op_type for node in changed.graph.node)
        written = OnnxFile(file)
        served = before.served
        if self._settings.quantization == "dynamic_int8":
            served = served.with_rows_that_meet()
        parity = measure_parity(
            served.module,
            served.signature,
            lambda rows: held_out(self._family, self._dataset, rows),
            written,
        )
        model = replace(
            before,
            served=served,
            export=replace(before.export, operators=operators, parity=parity),
            file=file,
            answers=written.run,
            tolerance=tolerance,
        )
        rows = held_out(self._family, self._dataset, COMPARED_ROWS)
        self._add(
            name, model, largest_difference(OnnxFile(before.file).run(rows), written.run(rows))
        )

    def _add(self, name: str, model: Exported, difference: float = 0.0) -> None:
        evaluations = evaluate(self._family, model, self._dataset)
        self._models[name] = (model, evaluations)
        self._steps.append(_step(name, model.file, evaluations, difference))

    def _calibration(self) -> Iterator[dict[str, NDArray[Any]]]:
        rows = self._dataset.train
        random = np.random.default_rng(self._family.recipe.seed)
        chosen = random.permutation(len(rows))[:CALIBRATION_ROWS]
        for start in range(0, len(chosen), CALIBRATION_BATCH):
            yield self._family.inputs(rows, np.sort(chosen[start : start + CALIBRATION_BATCH]))


def _step(name: str, file: Path, evaluations: Evaluations, difference: float = 0.0) -> Step:
    return Step(
        name=name, **sizes(file.read_bytes()), evaluations=evaluations, difference=difference
    )
