"""OpenMeter: batches of CloudEvents.

https://openmeter.io/docs/metering/events/overview, CloudEvents 1.0.2 "JSON Batch Format". The
meter at OpenMeter has the `eventType` of our meter's name, `valueProperty` `$.value` and the
aggregation SUM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from infermeter.export.vendors import Delivery, Post, Terms, Verdict, note_of, verdict_of
from infermeter.metering.hours import start_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infermeter.export.configuration import Target
    from infermeter.export.outbox import Row
    from infermeter.export.vendors import Poster

_DAY_S = 24 * 3600
BATCH_TYPE = "application/cloudevents-batch+json"


class OpenMeter:
    """The vendor of an `openmeter` target."""

    # OpenMeter's own configuration remembers ids for 768 h.
    terms = Terms(batch=100, negatives=True, memory_s=31 * _DAY_S)

    def __init__(self, target: Target, token: Callable[[], str], post: Poster) -> None:
        self._target, self._token, self._post = target, token, post

    def ready(self) -> None:
        """Reads the token."""
        self._token()

    def requests(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """One batch."""
        return [{"method": "POST", "url": self._url, "body": [self._event(row) for row in rows]}]

    def deliver(self, rows: Sequence[Row]) -> list[Delivery]:
        """One request; where it is refused for one of many, each goes by itself."""
        answer = self._post(
            Post(
                self._url,
                {"content-type": BATCH_TYPE, "authorization": f"Bearer {self._token()}"},
                orjson.dumps([self._event(row) for row in rows]),
            )
        )
        verdict = verdict_of(answer)
        if verdict is Verdict.REFUSED and len(rows) > 1:
            return [delivery for row in rows for delivery in self.deliver([row])]
        return [Delivery(row, verdict, note_of(answer)) for row in rows]

    @property
    def _url(self) -> str:
        return f"{self._target.url}/api/v1/events"

    def _event(self, row: Row) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": row.payload_id,
            "source": self._target.source,
            "type": row.meter,
            "subject": row.customer,
            "time": start_of(row.hour).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "datacontenttype": "application/json",
            "data": {"value": row.quantity, "tenant": row.tenant, "hour": row.hour},
        }
