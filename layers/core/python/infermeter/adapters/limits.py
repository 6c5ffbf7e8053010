"""The limits table.

`RB#<subject>#0`/`RATE` holds a rate's theoretical arrival time in epoch microseconds, `tat`.
`BG#<subject>`/`P#<yyyymm>#<measure>` holds the totals of a budget in a month, `leased` and
`settled`, and `LS#<yyyymmddhhmm>`/`<lease id>` a lease that is out, in the minute of its expiry.
`LS`/`RECLAIMED` holds the minute up to which leases were reclaimed, `LS`/`WAITED` the one in which
entries were last seen in the spool.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infermeter.adapters.clients import code_of, translated
from infermeter.adapters.items import from_item, key, to_item
from infermeter.limits.leases import Account, Lease, Refused, Totals
from infermeter.limits.periods import bounds
from infermeter.limits.rate import Arrival
from infermeter.metering.measures import Measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from infermeter.limits.leases import Ended

_WHAT = "limits table"
_MINUTE = "%Y%m%d%H%M"
_RECLAIMED, _WAITED = key("LS", "RECLAIMED"), key("LS", "WAITED")
# Transactions on one item that meet cancel each other, and the SDK does not try again.
_ATTEMPTS = 5
_PAUSE_S = 0.01
# Totals of a month are of no use long after it.
_KEPT_S = 400 * 24 * 3600


class DynamoRates:
    """The `RateTable`: one conditional write each, and no read.

    A write that is repeated after its acknowledgement was lost may count twice: then less is
    admitted, never more.
    """

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def begin(self, subject: str, *, now_us: int, tat_us: int, stale_us: int) -> Arrival:
        """Sets the TAT where none stands, one that is past, or one that is out of reach."""
        return self._write(
            subject,
            "SET tat = :tat",
            "attribute_not_exists(tat) OR tat <= :now OR tat > :stale",
            {":tat": tat_us, ":now": now_us, ":stale": stale_us},
        )

    def extend(self, subject: str, *, now_us: int, by_us: int, at_most_us: int) -> Arrival:
        """Adds to a TAT after now."""
        return self._write(
            subject,
            "SET tat = tat + :by",
            "tat > :now AND tat <= :most",
            {":by": by_us, ":now": now_us, ":most": at_most_us},
        )

    def _write(self, subject: str, change: str, condition: str, values: dict[str, int]) -> Arrival:
        with translated(_WHAT):
            try:
                answer: dict[str, Any] = dict(
                    self._client.update_item(
                        TableName=self._table,
                        Key=key(f"RB#{subject}#0", "RATE"),
                        UpdateExpression=change,
                        ConditionExpression=condition,
                        ExpressionAttributeValues=to_item(values),
                        ReturnValues="UPDATED_NEW",
                        ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    )
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
                standing: dict[str, Any] = dict(error.response)
                return Arrival(
                    taken=False, tat_us=from_item(standing.get("Item", {})).get("tat", 0)
                )
        return Arrival(taken=True, tat_us=from_item(answer["Attributes"])["tat"])


class DynamoBudgets:
    """The `BudgetTable` and the `LeaseTable`."""

    def __init__(
        self, client: DynamoDBClient, table: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client, self._table, self._sleep = client, table, sleep

    def totals(self, account: Account) -> Totals:
        """One consistent read."""
        with translated(_WHAT):
            answer = self._client.get_item(
                TableName=self._table, Key=_account_key(account), ConsistentRead=True
            )
        row = from_item(answer.get("Item", {}))
        return Totals(row.get("leased", 0), row.get("settled", 0))

    def take(self, lease: Lease, ceiling: int, ended: Sequence[Ended]) -> Refused | None:
        """One transaction, known by the lease's id: a repetition of it does nothing."""
        return self._transact(lease, ceiling, ended)

    def give_back(self, ended: Sequence[Ended]) -> Refused | None:
        """One transaction, which finds the rows gone when it is repeated."""
        return self._transact(None, 0, ended)

    def reclaimed_until(self) -> datetime | None:
        """The minute up to which all was reclaimed."""
        return self._minute(_RECLAIMED)

    def mark_reclaimed(self, until: datetime) -> None:
        """Of two runs at once the later mark stands or the earlier: each is true."""
        self._mark(_RECLAIMED, until)

    def waited_at(self) -> datetime | None:
        """The minute in which entries were last seen in the spool."""
        return self._minute(_WAITED)

    def mark_waiting(self, at: datetime) -> None:
        """One write."""
        self._mark(_WAITED, at)

    def expired_in(self, minute: datetime) -> Iterator[Lease]:
        """The minute's partition."""
        with translated(_WHAT):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=to_item({":pk": f"LS#{minute.strftime(_MINUTE)}"}),
                ConsistentRead=True,
            )
            for page in pages:
                for item in page["Items"]:
                    yield _lease_of(item)

    def _minute(self, place: dict[str, Any]) -> datetime | None:
        with translated(_WHAT):
            answer = self._client.get_item(TableName=self._table, Key=place, ConsistentRead=True)
        if "Item" not in answer:
            return None
        return datetime.strptime(from_item(answer["Item"])["until"], _MINUTE).replace(tzinfo=UTC)

    def _mark(self, place: dict[str, Any], until: datetime) -> None:
        with translated(_WHAT):
            item = place | to_item({"until": until.strftime(_MINUTE)})
            self._client.put_item(TableName=self._table, Item=item)

    def _transact(
        self, lease: Lease | None, ceiling: int, ended: Sequence[Ended]
    ) -> Refused | None:
        items = [self._removal(each.lease) for each in ended]
        changes = _changes(lease, ended)
        items += [
            self._change(
                account, leased, settled, None if lease is None else lease.account, ceiling
            )
            for account, (leased, settled) in changes.items()
        ]
        token: dict[str, Any] = {}
        if lease is not None:
            items.append(self._addition(lease))
            token = {"ClientRequestToken": lease.id}
        reasons = self._write(items, token)
        if lease is not None and reasons and reasons[-1] == "ConditionalCheckFailed":
            # An id is drawn once: this lease was taken by an attempt whose answer was lost.
            return None
        if not reasons:
            return None
        gone = [
            each.lease.id
            for each, reason in zip(ended, reasons, strict=False)
            if reason == "ConditionalCheckFailed"
        ]
        full = "ConditionalCheckFailed" in reasons[len(ended) :]
        return Refused(full, frozenset(gone))

    def _write(self, items: list[Any], token: dict[str, Any]) -> list[str]:
        """The items' reasons for a refusal, in order; none where it was done."""
        with translated(_WHAT):
            for attempt in range(_ATTEMPTS):
                try:
                    self._client.transact_write_items(TransactItems=items, **token)
                except ClientError as error:
                    if code_of(error) != "TransactionCanceledException":
                        raise
                    response: dict[str, Any] = dict(error.response)
                    reasons = [each.get("Code", "None") for each in response["CancellationReasons"]]
                    if "ConditionalCheckFailed" in reasons:
                        return reasons
                    if attempt == _ATTEMPTS - 1:
                        raise
                    self._sleep(random.uniform(0, _PAUSE_S * 2**attempt))  # noqa: S311
                else:
                    break
        return []

    def _removal(self, lease: Lease) -> dict[str, Any]:
        place = {"TableName": self._table, "Key": _lease_key(lease)}
        return {"Delete": place | {"ConditionExpression": "attribute_exists(pk)"}}

    def _addition(self, lease: Lease) -> dict[str, Any]:
        row = {
            "subject": lease.account.subject,
            "period": lease.account.period,
            "measure": lease.account.measure.value,
            "tenant": lease.tenant,
            "size": lease.size,
            "started": lease.started_ms,
            "expires": lease.expires_ms,
        }
        item = _lease_key(lease) | to_item(row)
        condition = "attribute_not_exists(pk)"
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": condition}}

    def _change(
        self, account: Account, leased: int, settled: int, taken: Account | None, ceiling: int
    ) -> dict[str, Any]:
        _, ends = bounds(account.period)
        expires = int(ends) + _KEPT_S
        values = {":leased": leased, ":settled": settled, ":none": 0, ":expires": expires}
        change: dict[str, Any] = {
            "TableName": self._table,
            "Key": _account_key(account),
            "UpdateExpression": (
                "SET leased = if_not_exists(leased, :none) + :leased, "
                "settled = if_not_exists(settled, :none) + :settled, ex = :expires"
            ),
        }
        if account == taken:
            change["ConditionExpression"] = "attribute_not_exists(leased) OR leased <= :room"
            values[":room"] = ceiling - leased
        change["ExpressionAttributeValues"] = to_item(values)
        return {"Update": change}


def _changes(lease: Lease | None, ended: Sequence[Ended]) -> dict[Account, list[int]]:
    """What each account's totals, leased and settled, change by."""
    changes: defaultdict[Account, list[int]] = defaultdict(lambda: [0, 0])
    for each in ended:
        change = changes[each.lease.account]
        change[0] -= each.lease.size - each.spent
        change[1] += each.spent
    if lease is not None:
        changes[lease.account][0] += lease.size
    return changes


def _account_key(account: Account) -> dict[str, Any]:
    return key(f"BG#{account.subject}", f"P#{account.period}#{account.measure.value}")


def _lease_key(lease: Lease) -> dict[str, Any]:
    minute = datetime.fromtimestamp(lease.expires_ms / 1000, UTC).strftime(_MINUTE)
    return key(f"LS#{minute}", lease.id)


def _lease_of(item: dict[str, Any]) -> Lease:
    row = from_item(item)
    return Lease(
        id=row["sk"],
        account=Account(row["subject"], row["period"], Measure(row["measure"])),
        tenant=row["tenant"],
        size=row["size"],
        started_ms=row["started"],
        expires_ms=row["expires"],
    )
