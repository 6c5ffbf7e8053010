"""Running several requests for one model in one session run, row by row the same as alone."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from infermeter.errors import ModelFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from infermeter.engine.runtime import LoadedModel

    Arrays = Mapping[str, NDArray[Any]]

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
