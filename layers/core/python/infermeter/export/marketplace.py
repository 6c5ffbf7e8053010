"""AWS Marketplace: `BatchMeterUsage`.

https://docs.aws.amazon.com/marketplace/latest/APIReference/API_marketplace-metering_BatchMeterUsage.html
Records are one per licence (or customer), dimension and hour. The same record again is answered
`Success` as at first; another quantity for its place `DuplicateRecord`, and is not honoured.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

from infermeter.export.vendors import Answer, Delivery, Silence, Terms, Verdict, note_of, verdict_of
from infermeter.metering.hours import start_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infermeter.export.configuration import Target
    from infermeter.export.outbox import Row

_HOUR_S = 3600
_ACCOUNT_DIGITS = 12
# Of status 400, too, but no fault of the records: none was honoured, and all may be later.
_OURS = (
    b"AccessDenied",
    b"DisabledApi",
    b"ExpiredToken",
    b"InvalidSignature",
    b"Throttling",
    b"UnrecognizedClient",
)


class Metering(Protocol):
    """Marketplace's API."""

    def __call__(self, request: dict[str, Any]) -> dict[str, Any] | Answer | Silence:
        """Calls BatchMeterUsage; an Answer has the error's status, and its code as the body."""
        ...


class Marketplace:
    """The vendor of a `marketplace` target."""

    # Of late it takes an hour for 24 h, formerly 6 h; a month's last hours for 6 h. An hour that
    # is planned before it is 5 h old is within all of them; an older one's usage is carried.
    terms = Terms(batch=25, largest=2**31 - 1, hour_s=5 * _HOUR_S, memory_s=24 * _HOUR_S)

    def __init__(self, target: Target, meter: Metering) -> None:
        self._target, self._meter = target, meter

    def ready(self) -> None:
        """Always: nothing is to be had first."""

    def requests(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """One for the rows with a licence, one for those without."""
        return [
            {"operation": "BatchMeterUsage", "parameters": self._request(group)}
            for group in _by_kind(rows)
        ]

    def deliver(self, rows: Sequence[Row]) -> list[Delivery]:
        """As `requests` has them; where one is refused for one of many, each goes by itself."""
        return [delivery for group in _by_kind(rows) for delivery in self._deliver(group)]

    def _deliver(self, rows: list[Row]) -> list[Delivery]:
        answer = self._meter(self._request(rows))
        if isinstance(answer, dict):
            return _read(rows, answer)
        verdict = verdict_of(answer)
        if isinstance(answer, Answer) and answer.body.startswith(_OURS):
            verdict = Verdict.DEFERRED
        if verdict is Verdict.REFUSED and len(rows) > 1:
            return [delivery for row in rows for delivery in self._deliver([row])]
        return [Delivery(row, verdict, note_of(answer)) for row in rows]

    def _request(self, rows: Sequence[Row]) -> dict[str, Any]:
        records = {"UsageRecords": [_record(row) for row in rows]}
        # A licence names the product; with both, the buyer would be billed twice.
        return records if rows[0].licence else records | {"ProductCode": self._target.product}


def _by_kind(rows: Sequence[Row]) -> list[list[Row]]:
    ordered = sorted(rows, key=lambda row: not row.licence)
    return [list(group) for _, group in groupby(ordered, key=lambda row: not row.licence)]


def _record(row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {
        "Timestamp": start_of(row.hour),
        "Dimension": row.meter,
        "Quantity": row.quantity,
    }
    if row.licence:
        record["LicenseArn"] = row.licence
    if row.licence or (row.customer.isdigit() and len(row.customer) == _ACCOUNT_DIGITS):
        return record | {"CustomerAWSAccountId": row.customer}
    return record | {"CustomerIdentifier": row.customer}


def _read(rows: list[Row], answer: dict[str, Any]) -> list[Delivery]:
    results = {_place(each["UsageRecord"]): each for each in answer.get("Results", [])}
    unprocessed = {_place(each) for each in answer.get("UnprocessedRecords", [])}
    deliveries = []
    for row in rows:
        place = _place(_record(row))
        if place in unprocessed:
            deliveries.append(Delivery(row, Verdict.DEFERRED, "UnprocessedRecords"))
        elif place not in results:
            deliveries.append(Delivery(row, Verdict.UNKNOWN, "the answer does not name the record"))
        else:
            deliveries.append(_judge(row, results[place]))
    return deliveries


def _judge(row: Row, result: dict[str, Any]) -> Delivery:
    status = result.get("Status", "")
    if status == "Success":
        return Delivery(row, Verdict.COUNTED, result.get("MeteringRecordId", ""))
    return Delivery(row, Verdict.REFUSED, status or "no status")


def _place(record: dict[str, Any]) -> tuple[Any, ...]:
    who = record.get("LicenseArn") or record.get("CustomerAWSAccountId")
    time = record["Timestamp"].timestamp()
    return (who or record.get("CustomerIdentifier"), record["Dimension"], time)
