"""The fixture models' names and tensors, apart from `models`, which needs onnx to write them."""

from __future__ import annotations

from dataclasses import dataclass

from .datatypes import DATATYPES

LABELS = ("north", "east", "south", "west")
LABELLED = "contract-labelled"


@dataclass(frozen=True)
class Fixture:
    """A model's name, and its inputs, which are its outputs: a datatype and a shape each.

    A shape that starts with -1 has its rows there.
    """

    name: str
    tensors: tuple[tuple[str, tuple[int, ...]], ...]
    labels: tuple[str, ...] = ()

    @property
    def batched(self) -> bool:
        """Whether rows lie on the first axis."""
        return all(shape[:1] == (-1,) for _, shape in self.tensors)


FIXTURES = (
    *(Fixture(f"contract-{name.lower()}", ((name, (-1, 2)),)) for name in DATATYPES),
    Fixture("contract-pair", (("FP32", (-1, 2)), ("INT32", (-1, 3)))),
    Fixture(LABELLED, (("FP32", (-1, 4)),), LABELS),
    Fixture("contract-unbatched", (("FP32", (4,)),)),
    Fixture("contract-scalar", (("FP32", ()),)),
    Fixture("contract-text", (("BYTES", (-1, 1)),)),
    Fixture("contract-open", (("FP32", (-1, -1)),)),
    Fixture("contract-opener", (("FP32", (-1, -1, -1)),)),
)
