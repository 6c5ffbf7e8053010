"""The plan: which rows a tenant's sealed hours make for a target.

What a vendor cannot take in an hour is carried to the next that can: a debit where it takes no
negative quantity, all of an hour that it takes no more, what is above its largest number. So the
sum over the rows, and the carry, is always that of the sealed hours (I4).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from infermeter.export.outbox import Progress, Row, payload_id
from infermeter.metering.hours import after, start_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from infermeter.export.configuration import Account, Meter, Target
    from infermeter.export.vendors import Terms
    from infermeter.metering.fold import UsageRow
    from infermeter.metering.seal import UsageStore

# How much one reading of the usage may bring.
_STEP_HOURS = 31 * 24


class Step(NamedTuple):
    """Rows and the progress past them, to be written together."""

    progress: Progress
    rows: tuple[Row, ...]


def sums(rows: Iterable[UsageRow], meters: Iterable[Meter]) -> dict[str, int]:
    """What usage rows come to, by meter; a meter that counts none of them is left out."""
    found: dict[str, int] = {}
    rows = list(rows)
    for meter in meters:
        counted = [row for row in rows if meter.counts(row)]
        if counted:
            found[meter.name] = sum(row.quantities.of(meter.measure) for row in counted)
    return found


def steps(
    target: Target,
    account: Account,
    meters: tuple[Meter, ...],
    terms: Terms,
    progress: Progress | None,
    usage: UsageStore,
    now: float,
) -> Iterator[Step]:
    """The steps from where the plan stands up to the tenant's watermark.

    Past an account's end hours are empty, and may yet take what was carried.
    """
    at = progress or Progress(account.start, account.start)
    watermark = usage.watermark(account.tenant)
    while at.planned < watermark:
        end = min(watermark, after(at.planned, _STEP_HOURS))
        by_hour: dict[str, list[UsageRow]] = {}
        for row in usage.rows(account.tenant, at.planned, end):
            if account.covers(row.hour):
                by_hour.setdefault(row.hour, []).append(row)
        hour, carry, version = at.planned, dict(at.carry), at.version
        while hour < end:
            own = sums(by_hour.get(hour, ()), meters)
            sent, carry = _divide(own, carry, terms, late=terms.late(start_of(hour), now))
            hour = after(hour)
            if sent:
                version += 1
                at = Progress(hour, at.cursor, carry, version)
                yield Step(at, _rows(target, account, after(hour, -1), sent))
        if at.planned < end:
            at = replace(at, planned=end, carry=carry, version=version + 1)
            yield Step(at, ())


def _divide(
    own: Mapping[str, int], carried: Mapping[str, int], terms: Terms, *, late: bool
) -> tuple[dict[str, int], dict[str, int]]:
    """What is sent of an hour, and what is carried on, by meter."""
    sent: dict[str, int] = {}
    carry: dict[str, int] = {}
    for meter in sorted({*own, *carried}):
        total = own.get(meter, 0) + carried.get(meter, 0)
        quantity = 0 if late else terms.fitting(total)
        if quantity or (terms.zeroes and meter in own):
            sent[meter] = quantity
        if total != quantity:
            carry[meter] = total - quantity
    return sent, carry


def _rows(
    target: Target, account: Account, hour: str, quantities: Mapping[str, int]
) -> tuple[Row, ...]:
    return tuple(
        Row(
            target=target.name,
            tenant=account.tenant,
            hour=hour,
            meter=meter,
            quantity=quantity,
            customer=account.customer,
            licence=account.licence,
            payload_id=identity(target, account.tenant, hour, meter, 0),
        )
        for meter, quantity in quantities.items()
    )


def identity(target: Target, tenant: str, hour: str, meter: str, revision: int) -> str:
    """The payload id of a revision of a row."""
    return payload_id(target.source, target.name, tenant, hour, meter, str(revision))
