"""Findings are one for each fact."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infermeter.metering.findings import Finding, FindingKind

FOUND = Finding(FindingKind.LATE, "acme", 1_790_000_000, {"hour": "2026092114", "identity": "x"})


def test_the_order_of_details_makes_no_other_finding() -> None:
    turned = replace(FOUND, details=dict(reversed(FOUND.details.items())))
    assert turned.place == FOUND.place


@pytest.mark.parametrize(
    "changes", [{"tenant": "b"}, {"at": 1}, {"details": {"hour": "2026092115", "identity": "x"}}]
)
def test_another_fact_is_another_finding(changes: dict[str, object]) -> None:
    assert replace(FOUND, **changes).place != FOUND.place


def test_places_sort_as_time_does() -> None:
    places = [replace(FOUND, at=at).place for at in (0, 9, 10, 1_790_000_000, 10_000_000_000)]
    assert places == sorted(places)
