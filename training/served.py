"""What of a trained network is exported."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from infermeter.embedding import Embedding
    from infermeter.signature import Signature

OPSET = 20
BATCH = "batch"


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """`module` takes the signature's inputs and gives its outputs, in their order, on the CPU.

    `axes` names the open axes of an input (all but the batch's): those of one name have one size.
    `judged` is the output that evaluation looks at; `preprocessing` says what a caller does to
    what he has before it is an input. `in_float` names parts of the module that quantization
    leaves alone: those before the first learned layer, whose values range over many powers of two.
    `golden` names the outputs that publishing checks, all without: their values stand in the
    manifest.
    """

    module: nn.Module
    signature: Signature
    judged: str
    preprocessing: str
    axes: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    opset: int = OPSET
    unit: str = "row"
    embedding: Embedding | None = None
    in_float: tuple[str, ...] = ()
    golden: tuple[str, ...] = ()

    def with_opset(self, opset: int) -> Served:
        """The same, exported for this version of ONNX."""
        return replace(self, opset=opset)

    def with_rows_that_meet(self) -> Served:
        """The same, of a file whose answer to a row depends on the rows beside it.

        Its rows are never run beside another caller's; nobody counts them then, so that what is
        metered is a request.
        """
        signature = replace(self.signature, batch_axis=None)
        return replace(
            self, signature=signature, unit="request" if self.unit == "row" else self.unit
        )
