"""The outbox, in its table as in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from infermeter.adapters.outbox import DynamoOutbox
from infermeter.errors import StoreUnavailable
from infermeter.export.outbox import Outbox, Progress, Row, RowState, payload_id
from infermeter.metering.hours import after
from tests.ports_export import FIRST, MemoryOutbox

if TYPE_CHECKING:
    from tests.cloud import Cloud

NEXT = after(FIRST)
NOW = 1_790_000_000


def row(hour: str = FIRST, meter: str = "rows", quantity: int = 5) -> Row:
    identity = payload_id("infermeter", hour, meter)
    return Row("there", "acme", hour, meter, quantity, "cus_1", identity, licence="arn")


def progress(planned: str = NEXT, version: int = 1, **carry: int) -> Progress:
    return Progress(planned, FIRST, carry, version)


@pytest.fixture(params=["table", "memory"])
def outbox(request: pytest.FixtureRequest) -> Outbox:
    if request.param == "memory":
        return MemoryOutbox()
    cloud: Cloud = request.getfixturevalue("cloud")
    return DynamoOutbox(cloud.wiring.clients.dynamodb(), cloud.resources.usage_table)


def test_nothing_is_there_at_first(outbox: Outbox) -> None:
    assert outbox.progress("there", "acme") is None
    assert list(outbox.rows("there", "acme", FIRST)) == []


def test_rows_and_progress_are_planned_together(outbox: Outbox) -> None:
    assert outbox.plan("there", "acme", progress(rows=-3), [row(), row(meter="calls")])
    assert outbox.progress("there", "acme") == progress(rows=-3)
    assert list(outbox.rows("there", "acme", FIRST)) == [row(meter="calls"), row()]


def test_a_plan_that_another_run_made_is_not_made_again(outbox: Outbox) -> None:
    outbox.plan("there", "acme", progress(), [row()])
    assert not outbox.plan("there", "acme", progress(), [row(meter="calls")])
    assert not outbox.plan("there", "acme", progress(version=3), [row(meter="calls")])
    assert list(outbox.rows("there", "acme", FIRST)) == [row()]


def test_a_planned_row_is_not_planned_over(outbox: Outbox) -> None:
    outbox.plan("there", "acme", progress(), [row()])
    assert not outbox.plan("there", "acme", progress(version=2), [row(quantity=9)])
    assert outbox.progress("there", "acme") == progress()
    assert list(outbox.rows("there", "acme", FIRST)) == [row()]


def test_rows_begin_at_an_hour_and_are_one_tenants(outbox: Outbox) -> None:
    outbox.plan("there", "acme", progress(), [row()])
    outbox.plan("there", "acme", progress(version=2), [row(NEXT)])
    other = replace(row(), tenant="other")
    outbox.plan("there", "other", progress(), [other])
    assert list(outbox.rows("there", "acme", NEXT)) == [row(NEXT)]
    assert list(outbox.rows("there", "other", FIRST)) == [other]


def test_a_row_is_claimed_once(outbox: Outbox) -> None:
    outbox.plan("there", "acme", progress(), [row()])
    claimed = row().claimed(NOW)
    assert outbox.change(row(), claimed)
    assert not outbox.change(row(), row().claimed(NOW + 1))
    assert list(outbox.rows("there", "acme", FIRST)) == [claimed]
    again = claimed.claimed(NOW)
    assert outbox.change(claimed, again)
    assert not outbox.change(claimed, claimed.claimed(NOW + 1))
    claimed = again
    done = replace(claimed, state=RowState.ACKNOWLEDGED, doubt=False, receipt="r", error="e")
    assert outbox.change(claimed, done)
    assert list(outbox.rows("there", "acme", FIRST)) == [done]


def failed(outbox: Outbox) -> Row:
    outbox.plan("there", "acme", progress(), [row()])
    bad = replace(row(), state=RowState.FAILED, error="no")
    outbox.change(row(), bad)
    return bad


def test_a_row_is_moved_to_its_next_revision(outbox: Outbox) -> None:
    bad = failed(outbox)
    again = replace(row(), revision=1, customer="cus_2")
    assert outbox.move(bad, again)
    closed = replace(bad, state=RowState.MOVED)
    assert list(outbox.rows("there", "acme", FIRST)) == [closed, again]
    assert not outbox.move(bad, replace(row(), revision=2))


def test_a_row_is_moved_into_the_carry(outbox: Outbox) -> None:
    bad = failed(outbox)
    assert not outbox.move(bad, progress(version=4, rows=5))
    assert list(outbox.rows("there", "acme", FIRST)) == [bad]
    assert outbox.move(bad, progress(version=2, rows=5))
    assert outbox.progress("there", "acme") == progress(version=2, rows=5)


def test_the_cursor_moves_on_and_never_back(outbox: Outbox) -> None:
    outbox.plan("there", "acme", progress(), [row()])
    outbox.move_cursor("there", "acme", NEXT)
    outbox.move_cursor("there", "acme", FIRST)
    assert outbox.progress("there", "acme") == replace(progress(), cursor=NEXT)
    # A plan says nothing of the cursor.
    outbox.plan("there", "acme", progress(after(NEXT), version=2), [])
    moved = outbox.progress("there", "acme")
    assert moved is not None
    assert (moved.planned, moved.cursor) == (after(NEXT), NEXT)


def test_a_table_that_does_not_answer(cloud: Cloud) -> None:
    nowhere = DynamoOutbox(cloud.wiring.clients.dynamodb(), "nowhere")
    with pytest.raises(StoreUnavailable, match="usage table"):
        nowhere.progress("there", "acme")
    with pytest.raises(StoreUnavailable):
        nowhere.plan("there", "acme", progress(), [row()])
    with pytest.raises(StoreUnavailable):
        nowhere.change(row(), row())
    with pytest.raises(StoreUnavailable):
        nowhere.move_cursor("there", "acme", NEXT)
