"""Running admitted calls: together where their tensors stack, each alone where they do not."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infermeter.engine.stacking import chunks, run_stacked, stack_key
from infermeter.errors import InfermeterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from infermeter.engine.models import ServedModel
    from infermeter.limits.limiter import Permit
    from infermeter.metering.measures import Quantities
    from infermeter.service import Call
    from infermeter.statistics.buffer import StatisticsBuffer


@dataclass(slots=True)
class Admitted:
    """A call that fits its model's signature, on its way through.

    `started` is by the performance counter; `checked_s` what the check of its tensors took.
    `run_rows` are those of the session run that its own `rows` were part of; `charged` what was,
    or may have been, recorded.
    """

    call: Call
    model: ServedModel
    inputs: Mapping[str, NDArray[Any]]
    outputs: tuple[str, ...]
    rows: int
    tokens: int
    started: float
    checked_s: float
    permit: Permit
    run_rows: int = 0
    charged: Quantities | None = None
    timings: dict[str, float] = field(default_factory=dict)


def groups(admitted: Mapping[int, Admitted]) -> list[list[int]]:
    """The numbers of the calls that may run stacked, for each such group."""
    grouped: defaultdict[Any, list[int]] = defaultdict(list)
    for index, each in admitted.items():
        shape = stack_key(each.inputs, each.model.manifest.signature.batch_axis)
        version = each.model.version
        key = index if shape is None else (version.model, version.version, each.outputs, shape)
        grouped[key].append(index)
    return list(grouped.values())


class Executor:
    """Runs sessions, and counts each run."""

    def __init__(self, statistics: StatisticsBuffer) -> None:
        self._statistics = statistics

    def run_group(self, group: list[Admitted]) -> list[list[NDArray[Any]] | InfermeterError]:
        """The outputs of each call, or the error that stopped it."""
        results: list[list[NDArray[Any]] | InfermeterError] = []
        for chunk in chunks([each.inputs for each in group]):
            members = group[chunk.start : chunk.stop]
            several = len(members) > 1
            results.extend(
                self._run_together(members) if several else map(self._run_alone, members)
            )
        return results

    def run_one(self, each: Admitted) -> list[NDArray[Any]]:
        """The outputs of one call. Raises ModelFailed."""
        started = time.perf_counter()
        arrays = each.model.loaded.run(each.inputs, each.outputs)
        self._count([each], time.perf_counter() - started)
        return arrays

    def _run_together(self, members: list[Admitted]) -> list[list[NDArray[Any]] | InfermeterError]:
        first = members[0]
        axis = first.model.manifest.signature.batch_axis
        started = time.perf_counter()
        try:
            results = run_stacked(
                first.model.loaded, [each.inputs for each in members], first.outputs, axis or 0
            )
        except InfermeterError:
            # One of them may be at fault: alone, the others are served.
            return [self._run_alone(each) for each in members]
        self._count(members, time.perf_counter() - started)
        return list(results)

    def _run_alone(self, each: Admitted) -> list[NDArray[Any]] | InfermeterError:
        try:
            return self.run_one(each)
        except InfermeterError as error:
            return error

    def _count(self, members: list[Admitted], seconds: float) -> None:
        rows = sum([each.rows for each in members])
        for each in members:
            each.run_rows = rows
            # By rows: who sends few pays for no other tenant's many.
            share = each.rows / rows if rows else 1 / len(members)
            each.timings["infer"] = seconds * share
        self._statistics.of(members[0].model.version).execute(rows, seconds)
