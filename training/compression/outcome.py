"""What compression came to: each step beside the dense model, and the verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from training.compression.finetuning import Pruned
    from training.compression.measurement import Speed
    from training.compression.verdict import Verdict
    from training.evaluation.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Step:
    """A file on the way: `name` says what was done to get it from the one before.

    `difference` is the largest to the answers of the file before, of an answer's largest value
    where that is more than 1, on held-out rows; 0 where the network itself changed.
    """

    name: str
    bytes: int
    gzip_bytes: int
    evaluations: Mapping[str, Evaluation]
    difference: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The first step is the dense model; `speeds` are by the steps' names."""

    steps: Sequence[Step]
    speeds: Mapping[str, Speed]
    verdict: Verdict
    pruned: Pruned | None

    def gains(self) -> dict[str, str]:
        """Of the compressed model, whether it is exported or not."""
        first, last = self.steps[0], self.steps[-1]
        speeds = self.speeds[last.name].ratio.items()
        return {
            "dense_bytes": str(first.bytes),
            "compressed_bytes": str(last.bytes),
            **{f"times_as_fast_at_{batch}": f"{ratio:.2f}" for batch, ratio in speeds},
        }

    def lineage(self, metrics: Sequence[str]) -> dict[str, Any]:
        """All but the times: the same whenever the result is."""
        pruned = self.pruned
        return {
            "exported": "compressed" if self.verdict.passed else "dense",
            "verdict": {**asdict(self.verdict), "passed": self.verdict.passed},
            "pruned": pruned
            and {
                "parameters": pruned.parameters,
                "zeros": pruned.zeros,
                "epoch_kept": pruned.epoch,
            },
            "steps": [_step(step, metrics) for step in self.steps],
        }

    def document(self, metrics: Sequence[str]) -> dict[str, Any]:
        """Everything measured, fit for JSON."""
        document = self.lineage(metrics)
        for step in document["steps"]:
            speed = self.speeds[step["step"]]
            step["load_ms"] = round(speed.load_ms, 3)
            step["latency_ms"] = _by_batch(speed.latency_ms)
            step["times_as_fast"] = _by_batch(speed.ratio)
        return {**document, "finetuning": self.pruned.curve if self.pruned else []}


def _step(step: Step, metrics: Sequence[str]) -> dict[str, Any]:
    return {
        "step": step.name,
        "bytes": step.bytes,
        "gzip_bytes": step.gzip_bytes,
        "largest_difference": step.difference,
        "metrics": {
            split: {metric: getattr(found, metric) for metric in metrics}
            for split, found in step.evaluations.items()
            if split != "train"
        },
    }


def _by_batch(values: Mapping[int, float]) -> dict[str, float]:
    return {str(batch): round(value, 4) for batch, value in values.items()}
