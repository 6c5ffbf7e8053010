"""What every transport asks for and gets, in the domain's own terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infermeter.signature import Signature
    from infermeter.tensors import Tensor

Parameter = str | int | float | bool


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """Tensors in, and the names of the outputs wanted (none: all of them).

    `timeout_s` is how long the caller waits for the answer; None: as long as the transport.
    `tokens` is how many went into the tensors, where that is known.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...] = ()
    id: str | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    timeout_s: float | None = None
    tokens: int = 0


class InferenceResult(NamedTuple):
    """Tensors out, the concrete version that computed them, and its signature."""

    model: str
    version: str
    outputs: tuple[Tensor, ...]
    signature: Signature
    id: str | None = None
