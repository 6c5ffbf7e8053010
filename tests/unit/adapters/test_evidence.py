"""Evidence, what waits, and progress in their table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from infermeter.adapters.evidence import MARKS, WAITING, DynamoEvidence
from infermeter.reconciliation.answers import mark
from infermeter.reconciliation.evidence import Evidence, Waiting

if TYPE_CHECKING:
    from tests.cloud import Cloud

HOUR = "2026092112"


@pytest.fixture
def store(cloud: Cloud) -> DynamoEvidence:
    return DynamoEvidence(boto3.client("dynamodb"), cloud.resources.usage_table)


def marks(count: int, name: str = "") -> frozenset[bytes]:
    return frozenset(mark(f"{name}{number}") for number in range(count))


@pytest.mark.parametrize("count", [0, 1, MARKS, MARKS + 1])
def test_evidence_comes_back(store: DynamoEvidence, count: int) -> None:
    evidence = Evidence(marks(count), marks(3, "refused"), marks(2, "unlogged"), 7)
    store.keep(HOUR, evidence)
    assert store.of_hour(HOUR) == evidence


def test_an_hour_of_which_nothing_was_kept(store: DynamoEvidence) -> None:
    assert store.of_hour(HOUR) is None


def test_less_is_kept_in_place_of_more(store: DynamoEvidence) -> None:
    store.keep(HOUR, Evidence(marks(2 * MARKS)))
    store.keep(HOUR, Evidence(marks(1)))
    assert store.of_hour(HOUR) == Evidence(marks(1))


def test_half_an_hour_is_none(cloud: Cloud, store: DynamoEvidence) -> None:
    store.keep(HOUR, Evidence(marks(1)))
    client = boto3.client("dynamodb")
    place = {"pk": {"S": f"R#{HOUR}"}, "sk": {"S": "whole"}}
    client.delete_item(TableName=cloud.resources.usage_table, Key=place)
    assert store.of_hour(HOUR) is None


@pytest.mark.parametrize("count", [1, WAITING + 1])
def test_what_waits(store: DynamoEvidence, count: int) -> None:
    waiting = [Waiting(HOUR, "acme", f"request-{number:05}") for number in range(count)]
    other = [Waiting("2026092113", "zeta", "one")]
    store.keep_waiting(HOUR, waiting)
    store.keep_waiting("2026092113", other)
    assert store.waiting() == waiting + other
    store.keep_waiting(HOUR, [])
    assert store.waiting() == other


def test_progress(store: DynamoEvidence) -> None:
    assert store.progress("examined") == ""
    store.advance("examined", HOUR)
    store.advance("examined", "2026092113")
    assert store.progress("examined") == "2026092113"
