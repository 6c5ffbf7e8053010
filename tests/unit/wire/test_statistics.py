"""The statistics document."""

from __future__ import annotations

from infermeter.statistics.counters import BatchCounters, Counters
from infermeter.wire.statistics import statistics

NOTHING = {"count": 0, "ns": 0}


def test_a_version_that_was_never_called_has_zeros() -> None:
    (entry,) = statistics([("m", "1", Counters())])["model_stats"]
    assert (entry["name"], entry["version"], entry["batch_stats"]) == ("m", "1", [])
    assert (entry["last_inference"], entry["inference_count"], entry["execution_count"]) == (0,) * 3
    assert set(entry["inference_stats"]) == {
        *("success", "fail", "queue", "compute_input", "compute_infer", "compute_output"),
        *("cache_hit", "cache_miss"),
    }
    assert all(each == NOTHING for each in entry["inference_stats"].values())


def test_the_parts_of_an_answer_are_counted_as_often_as_answers() -> None:
    counters = Counters(
        successes=2,
        success_ns=20,
        failures=1,
        failure_ns=3,
        queue_ns=4,
        input_ns=5,
        infer_ns=6,
        output_ns=7,
    )
    (entry,) = statistics([("m", "1", counters)])["model_stats"]
    stats = {name: (each["count"], each["ns"]) for name, each in entry["inference_stats"].items()}
    assert stats == {
        "success": (2, 20),
        "fail": (1, 3),
        "queue": (2, 4),
        "compute_input": (2, 5),
        "compute_infer": (2, 6),
        "compute_output": (2, 7),
        "cache_hit": (0, 0),
        "cache_miss": (0, 0),
    }


def test_batch_sizes_come_in_order() -> None:
    batches = {16: BatchCounters(1), 2: BatchCounters(3, 4, 5, 6)}
    (entry,) = statistics([("m", "1", Counters(batches=batches))])["model_stats"]
    first, second = entry["batch_stats"]
    assert first == {
        "batch_size": 2,
        "compute_input": {"count": 3, "ns": 4},
        "compute_infer": {"count": 3, "ns": 5},
        "compute_output": {"count": 3, "ns": 6},
    }
    assert second["batch_size"] == 16


def test_each_entry_says_that_it_is_approximate() -> None:
    (entry,) = statistics([("m", "1", Counters())])["model_stats"]
    assert entry["approximate"] is True
