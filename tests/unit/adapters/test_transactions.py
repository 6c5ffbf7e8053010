"""Transactions of the control table: overtaken, or not answered."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from infermeter.adapters.transactions import Check, Put, transact
from infermeter.errors import StoreUnavailable
from infermeter.tenants.accounts import Act

ACT = Act("acme", "test", "me", 10.0)


class Answering:
    """A client whose transactions end with this error; `items` is what it was sent."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.items = error, []

    def transact_write_items(self, *, TransactItems: list[Any]) -> None:  # noqa: N803
        self.items = TransactItems
        if self.error:
            raise self.error


def cancelled(*reasons: str) -> ClientError:
    answer = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(answer, "TransactWriteItems")


def attempt(error: Exception | None) -> bool:
    return transact(Answering(error), "control", Put({"pk": "a", "sk": "b"}), act=ACT)


@pytest.mark.parametrize("reason", ["ConditionalCheckFailed", "TransactionConflict"])
def test_who_is_overtaken_is_told_so(reason: str) -> None:
    assert attempt(None)
    assert not attempt(cancelled("None", reason))


@pytest.mark.parametrize(
    "error",
    [
        cancelled("None", "ThrottlingError"),
        cancelled("ConditionalCheckFailed", "ProvisionedThroughputExceeded"),
        ClientError({"Error": {"Code": "InternalServerError"}}, "TransactWriteItems"),
        EndpointConnectionError(endpoint_url="dynamodb"),
    ],
)
def test_what_is_not_known_to_be_overtaken_is_unavailable(error: Exception) -> None:
    with pytest.raises(StoreUnavailable, match="control table"):
        attempt(error)


def test_the_act_goes_with_every_part_in_one_transaction() -> None:
    client = Answering()
    transact(client, "control", Put({"pk": "a", "sk": "b"}), Check("c", "d", 3), act=ACT)
    assert [list(item) for item in client.items] == [["Put"], ["ConditionCheck"], ["Put"]]
    act = client.items[-1]["Put"]["Item"]
    assert act["pk"] == {"S": "A#acme"}
    assert act["sk"]["S"].startswith("1970-01-01T00:00:10.000000+00:00#")
