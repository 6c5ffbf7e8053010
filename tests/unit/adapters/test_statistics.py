"""Sums of counts in the statistics table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from infermeter.adapters.statistics import DynamoStatistics
from infermeter.errors import StoreUnavailable
from infermeter.signature import MAX_BATCH
from infermeter.statistics.counters import BatchCounters, Counters, batch_class

if TYPE_CHECKING:
    from tests.cloud import Cloud

SOME = Counters(
    inferences=3,
    executions=1,
    successes=1,
    success_ns=15,
    failures=2,
    failure_ns=7,
    queue_ns=1,
    input_ns=2,
    infer_ns=4,
    output_ns=8,
    last_ms=5,
    batches={3: BatchCounters(1, 2, 4, 8)},
)


@pytest.fixture
def store(cloud: Cloud) -> DynamoStatistics:
    return DynamoStatistics(cloud.wiring.clients.dynamodb(), cloud.resources.statistics_table)


def test_counts_read_back(store: DynamoStatistics) -> None:
    store.add("m", "1", SOME)
    assert store.of_model("m") == {"1": SOME}


def test_counts_add_up_and_the_last_call_stands(store: DynamoStatistics) -> None:
    store.add("m", "1", SOME)
    store.add("m", "1", Counters(inferences=1, last_ms=9, batches={1: BatchCounters(1)}))
    sums = store.of_model("m")["1"]
    assert (sums.inferences, sums.successes, sums.last_ms) == (4, 1, 9)
    assert sums.batches == {1: BatchCounters(1), 3: BatchCounters(1, 2, 4, 8)}


def test_versions_and_models_are_kept_apart(store: DynamoStatistics) -> None:
    for model, version in (("m", "1"), ("m", "10"), ("mm", "1")):
        store.add(model, version, Counters(failures=1, last_ms=1))
    assert sorted(store.of_model("m")) == ["1", "10"]
    assert store.of_model("nobody") == {}


def test_no_counts_are_no_write(cloud: Cloud, store: DynamoStatistics) -> None:
    store.add("m", "1", Counters())
    assert cloud.wiring.clients.dynamodb().scan(TableName="statistics")["Items"] == []


def test_every_batch_size_at_once_fits_an_update() -> None:
    class Table:
        def update_item(self, **arguments: Any) -> None:
            self.expression = arguments["UpdateExpression"]

    # Ten messages stack at most.
    sizes = {batch_class(rows) for rows in range(1, 17)}
    sizes |= {batch_class(MAX_BATCH * 10 >> power) for power in range(20)}
    table = Table()
    full = replace(SOME, batches=dict.fromkeys(sizes, BatchCounters(1, 1, 1, 1)))
    DynamoStatistics(table, "statistics").add("m", "1", full)
    # DynamoDB's limits.
    assert len(table.expression) <= 4096
    assert table.expression.count(":") <= 300


def test_a_table_that_is_not_there_is_a_domain_error(cloud: Cloud) -> None:
    store = DynamoStatistics(cloud.wiring.clients.dynamodb(), "none")
    with pytest.raises(StoreUnavailable, match="statistics table"):
        store.add("m", "1", SOME)
    with pytest.raises(StoreUnavailable, match="statistics table"):
        store.of_model("m")
