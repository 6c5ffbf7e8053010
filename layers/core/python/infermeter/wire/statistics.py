"""The statistics extension's document.

Source: Triton `extension_statistics.md`; `response_stats`, `cache_miss` and `memory_usage` are of
its later versions. What this server cannot tell is empty or zero: nothing is cached, since a
replay runs again, and what an environment's memory holds is nobody's sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infermeter.statistics.counters import BatchCounters, Counters


def statistics(entries: Iterable[tuple[str, str, Counters]]) -> dict[str, Any]:
    """`GET /v2/models/stats`, of (model, version, counts)."""
    return {"model_stats": [_entry(*entry) for entry in entries]}


def _entry(model: str, version: str, counters: Counters) -> dict[str, Any]:
    answered = counters.successes
    return {
        "name": model,
        "version": version,
        "last_inference": counters.last_ms,
        "inference_count": counters.inferences,
        "execution_count": counters.executions,
        "inference_stats": {
            "success": _duration(answered, counters.success_ns),
            "fail": _duration(counters.failures, counters.failure_ns),
            "queue": _duration(answered, counters.queue_ns),
            "compute_input": _duration(answered, counters.input_ns),
            "compute_infer": _duration(answered, counters.infer_ns),
            "compute_output": _duration(answered, counters.output_ns),
            "cache_hit": _duration(0, 0),
            "cache_miss": _duration(0, 0),
        },
        "response_stats": {},
        "batch_stats": [_batch(*batch) for batch in sorted(counters.batches.items())],
        "memory_usage": [],
        "approximate": True,
    }


def _batch(size: int, counters: BatchCounters) -> dict[str, Any]:
    runs = counters.executions
    return {
        "batch_size": size,
        "compute_input": _duration(runs, counters.input_ns),
        "compute_infer": _duration(runs, counters.infer_ns),
        "compute_output": _duration(runs, counters.output_ns),
    }


def _duration(count: int, ns: int) -> dict[str, int]:
    return {"count": count, "ns": ns}
