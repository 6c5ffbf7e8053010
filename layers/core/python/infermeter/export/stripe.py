"""Stripe: one meter event per customer, meter and hour.

https://docs.stripe.com/api/billing/meter-event/create, .../usage-based/recording-usage. The meter
at Stripe has the `event_name` of ours, the aggregation `sum` and `event_time_window` `hour`: then
a later event of the same hour overwrites the former, so one that is sent twice counts once even
after the 24 h for which Stripe refuses an `identifier` that it knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from infermeter.export.vendors import Answer, Delivery, Post, Terms, Verdict, note_of, verdict_of
from infermeter.metering.hours import start_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infermeter.export.configuration import Target
    from infermeter.export.outbox import Row
    from infermeter.export.vendors import Poster

API_VERSION = "2025-04-30.basil"
_DAY_S = 24 * 3600
# Stripe answers 400 to an identifier that it has; as ours stands for one row, that row was counted.
_KNOWN = (b"duplicate_meter_event", b"already exists with identifier")


class Stripe:
    """The vendor of a `stripe` target."""

    # It takes negative quantities, but a period that ends below zero is billed as 0 and the debit
    # lost: carried, it is not. Timestamps may be 35 days old.
    terms = Terms(batch=1, hour_s=34 * _DAY_S, memory_s=34 * _DAY_S)

    def __init__(self, target: Target, token: Callable[[], str], post: Poster) -> None:
        self._target, self._token, self._post = target, token, post

    def ready(self) -> None:
        """Reads the token."""
        self._token()

    def requests(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """One event each."""
        return [
            {
                "method": "POST",
                "url": self._url,
                "headers": {"idempotency-key": _key(row), "stripe-version": API_VERSION},
                "body": _fields(row),
            }
            for row in rows
        ]

    def deliver(self, rows: Sequence[Row]) -> list[Delivery]:
        """One request each."""
        return [self._deliver(row) for row in rows]

    @property
    def _url(self) -> str:
        return f"{self._target.url}/v1/billing/meter_events"

    def _deliver(self, row: Row) -> Delivery:
        headers = {
            "authorization": f"Bearer {self._token()}",
            "content-type": "application/x-www-form-urlencoded",
            "idempotency-key": _key(row),
            "stripe-version": API_VERSION,
        }
        answer = self._post(Post(self._url, headers, urlencode(_fields(row)).encode()))
        verdict = verdict_of(answer)
        known = isinstance(answer, Answer) and any(words in answer.body for words in _KNOWN)
        if known and verdict is Verdict.REFUSED:
            verdict = Verdict.COUNTED
        return Delivery(row, verdict, note_of(answer))


def _fields(row: Row) -> dict[str, str]:
    return {
        "event_name": row.meter,
        "payload[stripe_customer_id]": row.customer,
        "payload[value]": str(row.quantity),
        "timestamp": str(int(start_of(row.hour).timestamp())),
        "identifier": row.payload_id,
    }


def _key(row: Row) -> str:
    # Stripe repeats what it answered under a key, failures too, for a day: another attempt is to
    # be tried anew. That it counts once is the identifier's part.
    return f"{row.payload_id}-{max(row.attempts, 1)}"
