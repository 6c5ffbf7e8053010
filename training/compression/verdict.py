"""Whether a compressed model is as good as the recipe wants it to be."""

from __future__ import annotations

from dataclasses import dataclass

from training.tasks import LOWER_IS_BETTER

# The test split stays clean: whoever chooses by it cannot be judged by it.
JUDGED_SPLIT = "validation"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's metric of the dense and of the compressed model on the validation split, how
    much worse the second is (below 0: better), and how much it may be."""

    metric: str
    dense: float
    compressed: float
    loss: float
    allowed: float

    @property
    def passed(self) -> bool:
        """False for NaN too."""
        return self.loss <= self.allowed

    def __str__(self) -> str:
        exported = "the compressed model" if self.passed else "the dense model"
        limit = "within" if self.passed else "more than"
        return (
            f"{JUDGED_SPLIT} {self.metric} {self.dense:.4f} dense, {self.compressed:.4f} "
            f"compressed: {self.loss:.4f} lost, {limit} the {self.allowed:g} allowed; "
            f"{exported} is exported"
        )


def judge(metric: str, dense: float, compressed: float, allowed: float) -> Verdict:
    """The verdict; for errors and losses the lower is the better."""
    loss = compressed - dense if metric in LOWER_IS_BETTER else dense - compressed
    return Verdict(metric, dense, compressed, loss, allowed)
