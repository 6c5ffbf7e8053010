"""The books: the ledger, the archive, the sealed usage rows, the usage API and the spool."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infermeter.metering.fold import fold, fold_lines
from infermeter.metering.hours import after, hour_of
from infermeter.metering.ledger import Kind
from infermeter.metering.sealing import Sealing
from infermeter.wiring.operator import OperatorWiring

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infermeter.metering.ledger import LedgerEntry
    from infermeter.tenants.keys import TenantRecord
    from infra.cli.target import Target

_LATER_S = 3 * 3600


@dataclass(frozen=True)
class Books:
    """Units by id in the ledger, and in sum as each of the others has them."""

    ledger: dict[str, int]
    twice: list[str]
    requests: int
    archive: int
    usage_rows: int
    sealed_hours: int
    live: int


class OneTenant:
    """The tenants of a stack as if there were one, so that no other's hours are sealed early."""

    def __init__(self, record: TenantRecord) -> None:
        self._record = record

    def tenants(self) -> Iterable[TenantRecord]:
        """The one."""
        return [self._record]


def drained(target: Target, *, within_s: float = 120) -> bool:
    """Whether the queues come to be empty in time."""
    sqs = target.client("sqs")
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    queues = [target.output("SpoolQueueUrl"), target.output("BatchQueueUrl")]
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        waiting = 0
        for queue in queues:
            answer = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=list(names))
            waiting += sum(int(answer["Attributes"][name]) for name in names)
        if not waiting:
            return True
        time.sleep(0.5)
    return False


def read_books(target: Target, tenant: str, since: float) -> Books:
    """Waits for the stream, seals the hours since `since` (epoch seconds) as if it were later, and
    reads all."""
    now = target.wiring()
    hours = _hours(since)
    entries = {hour: list(now.ledger_reader.committed(tenant, hour)) for hour in hours}
    charges = [each for hour in hours for each in entries[hour] if each.kind is Kind.CHARGE]
    counted = Counter(each.request_id.text for each in charges)
    live = sum(row.quantities.units for row in now.usage.rows(tenant))
    _await_archive(now, tenant, entries)
    later = OperatorWiring(now.resources, clients=now.clients, clock=lambda: time.time() + _LATER_S)
    record = later.keys.tenant(tenant)
    assert record is not None
    sealing = Sealing(
        keys=OneTenant(record),  # type: ignore[arg-type]
        ledger=later.ledger_reader,
        archive=later.archive,
        usage=later.usage_store,
        manifests=later.manifests,
        findings=later.findings,
        clock=later.clock,
    )
    report = sealing.run()
    assert not report.disagreements, report.document()
    assert not report.failures, report.failures
    rows = list(later.usage_store.rows(tenant, after(hours[0], -1), after(hours[-1])))
    archive = [fold_lines(hour, later.archive.lines(hour)).get(tenant) for hour in hours]
    return Books(
        ledger={each.request_id.text: each.units for each in charges},
        twice=[id for id, count in counted.items() if count > 1],
        requests=sum(row.quantities.requests for row in rows),
        archive=sum(each.summary.quantities.units for each in archive if each),
        usage_rows=sum(row.quantities.units for row in rows),
        sealed_hours=len(report.sealed),
        live=live,
    )


def _await_archive(
    wiring: OperatorWiring, tenant: str, entries: dict[str, list[LedgerEntry]]
) -> None:
    until = time.monotonic() + 120
    for hour, listed in entries.items():
        table = fold(tenant, hour, listed).summary.count
        while time.monotonic() < until:
            kept = fold_lines(hour, wiring.archive.lines(hour)).get(tenant)
            if (kept.summary.count if kept else 0) == table:
                break
            time.sleep(1)


def _hours(since: float) -> list[str]:
    hour, last = hour_of(int(since * 1000)), hour_of(int(time.time() * 1000))
    hours = [hour]
    while hours[-1] < last:
        hours.append(after(hours[-1]))
    return hours
