"""Rows and seals in the usage table."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from infermeter.adapters.usage import ROWS_AT_ONCE, DynamoUsage
from infermeter.errors import StoreUnavailable
from infermeter.metering.fold import Summary, UsageKey, UsageRow
from infermeter.metering.hours import after
from infermeter.metering.measures import Quantities
from infermeter.metering.seal import Seal

if TYPE_CHECKING:
    from tests.cloud import Cloud

HOUR = "2026013123"


@pytest.fixture
def usage(cloud: Cloud) -> DynamoUsage:
    return cloud.wiring.usage_store


def rows(hour: str = HOUR, count: int = 2, units: int = 1, tenant: str = "acme") -> list[UsageRow]:
    return [
        UsageRow(
            tenant,
            hour,
            UsageKey("KEY", f"m{number:03}", "1", "row", "pro:1"),
            Quantities(1, units, 3, 4, 5, 6, -7),
        )
        for number in range(count)
    ]


def seal(hour: str = HOUR, manifest: str = "aa", tenant: str = "acme") -> Seal:
    return Seal(
        tenant, hour, Summary(2, 2**128 - 1, Quantities(2, 2, 6, 8, 10, 12, -14)), 1, manifest
    )


def every(usage: DynamoUsage) -> list[UsageRow]:
    return list(usage.rows("acme", "2026010100", "2027010100"))


def opened(usage: DynamoUsage, hour: str = HOUR) -> DynamoUsage:
    assert usage.pass_over("acme", "", hour)
    return usage


@pytest.mark.parametrize("count", [0, 1, 90, 91, 200])
def test_rows_are_read_as_they_were_sealed(usage: DynamoUsage, count: int) -> None:
    opened(usage)
    assert usage.seal(seal(), rows(count=count))
    assert every(usage) == rows(count=count)
    assert list(usage.seals("acme", HOUR, after(HOUR))) == [seal()]
    assert usage.watermark("acme") == after(HOUR)


@pytest.mark.parametrize("count", [2, 200])
def test_a_sealed_hour_is_not_written_again(usage: DynamoUsage, count: int) -> None:
    opened(usage).seal(seal(), rows())
    assert not usage.seal(seal(manifest="bb"), rows(count=count, units=9))
    assert every(usage) == rows()
    assert list(usage.seals("acme", HOUR, after(HOUR))) == [seal()]


@pytest.mark.parametrize("hour", [after(HOUR, -1), after(HOUR), ""])
def test_hours_are_sealed_in_order(usage: DynamoUsage, hour: str) -> None:
    if hour:
        opened(usage, hour)
    assert not usage.seal(seal(), rows())
    assert every(usage) == []
    assert usage.watermark("acme") == hour


def test_the_watermark_moves_from_where_it_was_seen(usage: DynamoUsage) -> None:
    assert usage.watermark("acme") == ""
    assert not usage.pass_over("acme", HOUR, after(HOUR))
    assert usage.pass_over("acme", "", HOUR)
    assert not usage.pass_over("acme", "", after(HOUR))
    assert usage.pass_over("acme", HOUR, after(HOUR, 3))
    assert usage.watermark("acme") == after(HOUR, 3)
    assert usage.watermark("other") == ""


def test_rows_and_seals_of_a_span(usage: DynamoUsage) -> None:
    months = ["2026012923", "2026013123", "2026020100", "2026022812", "2026030100"]
    opened(usage, months[0])
    for hour, following in pairwise([*months, "2026030101"]):
        assert usage.seal(seal(hour), rows(hour))
        usage.pass_over("acme", after(hour), following)
    for start in range(5):
        for end in range(start, 5):
            span = ("acme", months[start], months[end])
            assert [row.hour for row in usage.rows(*span)] == [
                hour for hour in months[start:end] for _ in range(2)
            ]
            assert [each.hour for each in usage.seals(*span)] == months[start:end]
    assert list(usage.rows("acme", months[1], months[0])) == []
    assert len(every(usage)) == 10


def test_tenants_are_apart(usage: DynamoUsage) -> None:
    opened(usage).seal(seal(), rows())
    usage.pass_over("acme2", "", HOUR)
    assert list(usage.rows("acme2", HOUR, after(HOUR))) == []
    assert list(usage.seals("acme2", HOUR, after(HOUR))) == []


class Dying:
    """A client whose writes fail from the nth on."""

    def __init__(self, client: Any, writes: int) -> None:
        self._client, self._left = client, writes

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name not in ("transact_write_items", "update_item"):
            return call

        def counted(**arguments: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                raise ReadTimeoutError(endpoint_url="usage")
            return call(**arguments)

        return counted


@pytest.mark.parametrize("writes", range(4))
def test_what_a_run_left_behind_is_no_usage_and_the_next_one_writes_it(
    usage: DynamoUsage, writes: int
) -> None:
    opened(usage)
    dying: Any = Dying(usage._client, writes)
    with pytest.raises(StoreUnavailable):
        DynamoUsage(dying, "usage").seal(seal(manifest="old"), rows(count=200, units=9))
    assert every(usage) == []
    # Fewer than were left, so that what is not this fold's would stay.
    assert usage.seal(seal(), rows(count=95))
    assert every(usage) == rows(count=95)


@pytest.mark.parametrize("count", [2, 95])
def test_a_run_that_was_overtaken_writes_nothing(usage: DynamoUsage, count: int) -> None:
    """Another run claims the hour between this one's parts."""
    opened(usage)

    class Overtaken(Dying):
        def __getattr__(self, name: str) -> Any:
            if name == "transact_write_items" and self._left:
                self._left = 0
                assert usage._claim(seal(manifest="theirs"))
            return getattr(self._client, name)

    mine: Any = Overtaken(usage._client, 1)
    assert not DynamoUsage(mine, "usage").seal(seal(manifest="mine"), rows(count=count, units=9))
    assert usage.seal(seal(manifest="theirs"), rows())
    assert every(usage) == rows()


def test_a_claimed_hour_is_not_passed_over(usage: DynamoUsage) -> None:
    opened(usage)
    usage._claim(seal())
    assert not usage.pass_over("acme", HOUR, after(HOUR))


class Failing:
    """A client that fails in one way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_item(self, **_: object) -> dict[str, Any]:
        return {"Item": {"hour": {"S": HOUR}}}

    def transact_write_items(self, **_: object) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ReadTimeoutError(endpoint_url="x"), "ReadTimeoutError"),
        (ClientError({"Error": {"Code": "InternalServerError"}}, "x"), "InternalServerError"),
        (
            ClientError(
                {
                    "Error": {"Code": "TransactionCanceledException"},
                    "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
                },
                "x",
            ),
            "TransactionConflict",
        ),
    ],
)
def test_a_seal_without_an_answer_is_unavailable(error: Exception, message: str) -> None:
    client: Any = Failing(error)
    with pytest.raises(StoreUnavailable, match=message):
        DynamoUsage(client, "usage").seal(seal(), rows())


def test_a_transaction_holds_what_dynamodb_takes() -> None:
    assert ROWS_AT_ONCE + 2 <= 100
