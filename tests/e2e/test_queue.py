"""Producers by queue, against processes that run what is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.cli.demo.queueing import send_batch
from infra.cli.target import find_target

if TYPE_CHECKING:
    import pytest

    from tests.stack import Stack


def test_a_batch_fails_message_by_message(
    stack: Stack, key: dict[str, str], tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERMETER_HOME", str(stack.home))
    target = find_target()
    outcome = send_batch(
        target,
        tenant=tenant,
        key_id=key["key_id"],
        model="linear",
        version="prod",
        groups=[[[1.0, 2.0, 3.0]]] * 3,
        name="x",
    )
    assert outcome.classes == [[0]] * 3
    assert "expected shape [-1,3], got shape [1,2]" in outcome.failed
    assert "expected JSON" in outcome.dead
    rows = stack.json("usage", "--tenant", tenant)
    assert [(row["requests"], row["units"]) for row in rows] == [(3, 3)]
