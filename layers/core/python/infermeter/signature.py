"""A model's signature: what it takes, what it gives, and whether given tensors fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infermeter.errors import InvalidRequest, InvalidTensor
from infermeter.tensors import shape_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infermeter.tensors import Datatype, Tensor

VARIABLE = -1

# Rows of one request on the batch axis.
MAX_BATCH = 1 << 20


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output. A dimension of -1 takes any size; `labels` name an output's classes."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    labels: tuple[str, ...] = ()

    def admits(self, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of this shape fits."""
        return shape == self.shape or (
            len(shape) == len(self.shape)
            and not [
                have
                for want, have in zip(self.shape, shape, strict=True)
                if want not in (VARIABLE, have)
            ]
        )


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs, and the axis on which rows of different requests may be stacked.

    `batch_axis` is None for a model whose answer to a row depends on the other rows.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch_axis: int | None = 0

    def input(self, name: str) -> TensorSpec:
        """The input of this name, which must be one of them."""
        return next(spec for spec in self.inputs if spec.name == name)

    def output(self, name: str) -> TensorSpec:
        """The output of this name, which must be one of them."""
        return next(spec for spec in self.outputs if spec.name == name)

    def check_inputs(self, tensors: Sequence[Tensor]) -> Mapping[str, Tensor]:
        """The tensors by name, once each fits its spec.

        Raises InvalidTensor naming the input, what was expected and what came; InvalidRequest
        when an input is missing, unknown or given twice, or when inputs disagree on their rows.
        """
        specs = {spec.name: spec for spec in self.inputs}
        given: dict[str, Tensor] = {}
        for tensor in tensors:
            spec = specs.get(tensor.name)
            if spec is None:
                raise InvalidTensor(
                    tensor.name,
                    expected=f"one of the inputs {_names(self.inputs)}",
                    got="this name",
                )
            if tensor.name in given:
                raise InvalidTensor(tensor.name, expected="the input once", got="it twice")
            _check(tensor, spec)
            given[tensor.name] = tensor
        if len(given) < len(specs):
            raise InvalidTensor(
                next(name for name in specs if name not in given),
                expected=f"a tensor for each of {_names(self.inputs)}",
                got="none for this input",
            )
        self.rows(given)
        return given

    def check_outputs(self, names: Sequence[str]) -> tuple[str, ...]:
        """The outputs to compute, in the order asked for; all of them when none is named.

        Raises InvalidRequest for an unknown name or one named twice.
        """
        known = [spec.name for spec in self.outputs]
        for index, name in enumerate(names):
            if name not in known:
                raise InvalidRequest(
                    f"outputs[{index}].name: expected one of {_names(self.outputs)}, got '{name}'"
                )
            if name in names[:index]:
                raise InvalidRequest(
                    f"outputs[{index}].name: output '{name}' already exists in request"
                )
        return tuple(names or known)

    def rows(self, given: Mapping[str, Tensor]) -> int:
        """How many rows lie on the batch axis: 1 for a model without one.

        Raises InvalidTensor when the inputs disagree, or have more than `MAX_BATCH`.
        """
        if self.batch_axis is None:
            return 1
        first: int | None = None
        for tensor in given.values():
            rows = tensor.shape[self.batch_axis]
            if rows > MAX_BATCH:
                raise InvalidTensor(
                    tensor.name,
                    expected=f"at most {MAX_BATCH} rows on axis {self.batch_axis}",
                    got=f"{rows}",
                )
            if first is None:
                first = rows
            elif rows != first:
                raise InvalidTensor(
                    tensor.name,
                    expected=f"{first} rows on axis {self.batch_axis} as in the other inputs",
                    got=f"{rows}",
                )
        return 1 if first is None else first


def _check(tensor: Tensor, spec: TensorSpec) -> None:
    if tensor.datatype is not spec.datatype:
        raise InvalidTensor(
            tensor.name,
            expected=f"datatype {spec.datatype.name}",
            got=f"datatype {tensor.datatype.name}",
        )
    if not spec.admits(tensor.shape):
        raise InvalidTensor(
            tensor.name,
            expected=f"shape {shape_text(spec.shape)}",
            got=f"shape {shape_text(tensor.shape)}",
        )


def _names(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(f"'{spec.name}'" for spec in specs)
