"""What every transport asks for and gets, in the domain's own terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infermeter.tensors import Tensor

Parameter = str | int | float | bool


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """Tensors in, and the names of the outputs wanted (none: all of them)."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...] = ()
    id: str | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InferenceResult:
    """Tensors out, and the concrete version that computed them."""

    model: str
    version: str
    outputs: tuple[Tensor, ...]
    id: str | None = None
