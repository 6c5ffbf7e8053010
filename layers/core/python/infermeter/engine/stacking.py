"""Running several requests for one model in one session run, row by row the same as alone."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from infermeter import bfloat16
from infermeter.agreement import agree
from infermeter.errors import InfermeterError, ModelFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from infermeter.engine.runtime import LoadedModel
    from infermeter.signature import Signature, TensorSpec

    Arrays = Mapping[str, NDArray[Any]]

# Two requests of a probe, in rows; and a size for the other dimensions that are open.
_PROBE_ROWS, _PROBE_SIZE = (2, 3), 2
# A run over more rows may round otherwise; rows that see each other differ by far more.
_PROBE_TOLERANCE = 1e-3

# Beyond this the stacked copies cost more memory than the saved calls are worth.
MAX_STACK_BYTES = 64 * 1024 * 1024


def stack_key(inputs: Arrays, axis: int | None) -> tuple[Any, ...] | None:
    """Equal for requests whose tensors differ in rows alone; None for what cannot be stacked."""
    if axis is None:
        return None
    return tuple(
        (name, array.dtype.str, *array.shape[:axis], *array.shape[axis + 1 :])
        for name, array in sorted(inputs.items())
    )


def chunks(requests: Sequence[Arrays]) -> Iterable[range]:
    """Consecutive requests whose inputs together stay within `MAX_STACK_BYTES`."""
    start, held = 0, 0
    for index, inputs in enumerate(requests):
        size = sum(array.nbytes for array in inputs.values())
        if index > start and held + size > MAX_STACK_BYTES:
            yield range(start, index)
            start, held = index, 0
        held += size
    if start < len(requests):
        yield range(start, len(requests))


def run_stacked(
    model: LoadedModel, requests: Sequence[Arrays], outputs: Sequence[str], axis: int
) -> list[list[NDArray[Any]]]:
    """The outputs of each request, from one run over their rows joined on `axis`.

    Raises ModelFailed when the run fails, or when the outputs have not the inputs' rows.
    """
    first = requests[0]
    joined = {name: np.concatenate([each[name] for each in requests], axis) for name in first}
    results = model.run(joined, outputs)
    name = next(iter(first))
    ends = list(accumulate((each[name].shape[axis] for each in requests), initial=0))
    for result in results:
        if result.ndim <= axis or result.shape[axis] != ends[-1]:
            raise ModelFailed("the outputs have not the inputs' rows: the model cannot be stacked")
    before = (slice(None),) * axis
    return [
        [result[(*before, slice(start, end))] for result in results]
        for start, end in pairwise(ends)
    ]


def keeps_rows_apart(model: LoadedModel, signature: Signature) -> bool:
    """Whether two made-up requests get from one stacked run what each gets alone.

    A model that sees across its first dimension (a sequence, say) would mix one tenant's rows
    into another's answer. One that cannot compute what was made up is taken at its word.
    """
    axis, outputs = signature.batch_axis, [spec.name for spec in signature.outputs]
    if axis is None:
        return True
    random = np.random.default_rng(0)
    requests = [
        {spec.name: _made_up(spec, axis, rows, random) for spec in signature.inputs}
        for rows in _PROBE_ROWS
    ]
    try:
        alone = [model.run(inputs, outputs) for inputs in requests]
    except InfermeterError:
        return True
    try:
        together = run_stacked(model, requests, outputs, axis)
    except InfermeterError:
        return False
    return all(
        agree(one, other, rtol=_PROBE_TOLERANCE, atol=_PROBE_TOLERANCE)
        for ones, others in zip(alone, together, strict=True)
        for one, other in zip(ones, others, strict=True)
    )


def _made_up(spec: TensorSpec, axis: int, rows: int, random: np.random.Generator) -> NDArray[Any]:
    shape = [_PROBE_SIZE if size < 0 else size for size in spec.shape]
    shape[axis] = rows
    if spec.datatype.kind in "fV":
        values = random.standard_normal(shape)
        if spec.datatype.kind == "V":
            return bfloat16.from_floats(values)
        return values.astype(spec.datatype.dtype)
    bits = random.integers(0, 2, shape)
    if spec.datatype.kind == "O":
        return np.array([b"a", b"b"], dtype=object)[bits]
    return bits.astype(spec.datatype.dtype)
