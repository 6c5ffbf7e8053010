"""What a file costs: its size, as it is and as a download, and the time it takes."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from training.export import OnnxFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Tensors = Mapping[str, NDArray[Any]]

BATCHES = (1, 32)
# gzip's own default.
_COMPRESSION_LEVEL = 6
_LOADS = 5
_MIN_ROUNDS, _MAX_ROUNDS = 7, 200
_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians, in milliseconds of the one thread's processor time, which other processes do not
    add to; the latency is of one run by rows in it.

    `ratio` says how many times as fast as the first file: the median over rounds in which each
    file ran once.
    """

    load_ms: float
    latency_ms: Mapping[int, float]
    ratio: Mapping[int, float]


def sizes(content: bytes) -> dict[str, int]:
    """Bytes of a file, and of it under gzip, which is what a download may cost."""
    return {"bytes": len(content), "gzip_bytes": len(zlib.compress(content, _COMPRESSION_LEVEL))}


def measure_speed(files: Mapping[str, Path], inputs: Callable[[int], Tensors]) -> dict[str, Speed]:
    """By name. All files take turns, so that whatever else the machine does meets all alike."""
    loads = _rounds({name: _loader(file) for name, file in files.items()}, _LOADS, _LOADS)
    sessions = {name: OnnxFile(file, threads=1) for name, file in files.items()}
    runs = {}
    for batch in BATCHES:
        rows = inputs(batch)
        calls = {name: _runner(session, rows) for name, session in sessions.items()}
        runs[batch] = _rounds(calls, _MIN_ROUNDS, _MAX_ROUNDS)
    first = next(iter(files))
    return {
        name: Speed(
            load_ms=1e3 * median(loads[name]),
            latency_ms={batch: 1e3 * median(found[name]) for batch, found in runs.items()},
            ratio={
                batch: median(
                    one / other for one, other in zip(found[first], found[name], strict=True)
                )
                for batch, found in runs.items()
            },
        )
        for name in files
    }


def _rounds(
    calls: Mapping[str, Callable[[], object]], least: int, most: int
) -> dict[str, list[float]]:
    """Processor seconds of each call in each round, the first round thrown away."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    end = time.perf_counter() + _SECONDS
    for number in range(most + 1):
        for name, call in calls.items():
            started = time.thread_time()
            call()
            spent[name].append(time.thread_time() - started)
        if number >= least and time.perf_counter() > end:
            break
    return {name: seconds[1:] for name, seconds in spent.items()}


def _loader(file: Path) -> Callable[[], object]:
    return lambda: OnnxFile(file, threads=1)


def _runner(session: OnnxFile, rows: Tensors) -> Callable[[], object]:
    return lambda: session.run(rows)
