"""Customers and a producer while processes are killed and the ledger throttles: the books agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.cli.target import find_target
from tests.load import storm

if TYPE_CHECKING:
    import pytest

    from tests.stack import Stack


def test_ledger_usage_rows_and_the_clients_tally_are_equal_to_the_unit(
    stack: Stack, key: dict[str, str], tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERMETER_HOME", str(stack.home))
    outcome = storm.run(
        find_target(), tenant=tenant, key=key, seconds=12, clients=4, messages=12, seed=7
    )
    assert outcome.differences() == []
    assert outcome.killed["infer"] > 0
    assert outcome.tally.outcomes["replay"] > 0
    assert outcome.tally.outcomes["pending"] > 0
    assert outcome.books.sealed_hours > 0
