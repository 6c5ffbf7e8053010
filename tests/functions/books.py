"""The ledger of an account in the process, its stream, and what follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infermeter.metering.hours import bounds_of
from tests.cloud import Cloud, Context
from tests.ports import Clock
from tests.unit.metering.test_fold import HOUR, charge

if TYPE_CHECKING:
    from types import ModuleType

    from infermeter.metering.ledger import LedgerEntry

SETTLED_S = bounds_of(HOUR)[1] / 1000 + 1200


class Books:
    """Two tenants, `a` and an idle `b`, made in HOUR; the functions' clock is a settled hour's."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.clock = cloud, Clock(bounds_of(HOUR)[0] / 1000)
        cloud.wiring.clock = self.clock
        for tenant in ("a", "b"):
            cloud.wiring.key_administration.create(tenant)
        self.functions: dict[str, ModuleType] = {}

    def put(self, *entries: LedgerEntry) -> None:
        for entry in entries:
            self.clock.now = entry.committed_ms / 1000
            assert self.cloud.wiring.ledger.put(entry) is None
        self.clock.now = SETTLED_S

    def archive(self, event: dict[str, Any] | None = None) -> Any:
        """The archiver's answer to a stream event; to that of all that is in the table."""
        return self.invoke("archive", event or stream_event(*self.cloud.ledger_items()))

    def fold(self, event: dict[str, Any] | None = None, remaining_ms: int = 900_000) -> Any:
        return self.invoke("fold", event or {}, remaining_ms)

    def invoke(self, name: str, event: dict[str, Any], remaining_ms: int = 29_000) -> Any:
        if name not in self.functions:
            self.functions[name] = self.cloud.function(name)
            self.functions[name].wiring.clock = self.clock
        return self.functions[name].handler(event, Context(remaining_ms))


def at(hours: int, number: int = 0, **changes: Any) -> LedgerEntry:
    """A charge committed so many hours after HOUR."""
    committed = charge().committed_ms + hours * 3_600_000
    return charge(1000 * hours + number, committed_ms=committed, **changes)


def stream_event(*items: dict[str, Any], name: str = "INSERT", **more: Any) -> dict[str, Any]:
    """What the ledger's stream delivers when these items are put."""
    return {
        "Records": [
            {
                "eventID": str(number),
                "eventName": name,
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": "eu-west-1",
                "eventSourceARN": "arn:aws:dynamodb:eu-west-1:123456789012:table/ledger/stream/x",
                "dynamodb": {
                    "ApproximateCreationDateTime": 1_790_000_000,
                    "Keys": {each: item[each] for each in ("pk", "sk")},
                    "NewImage": item,
                    "SequenceNumber": str(10**20 + number),
                    "SizeBytes": 300,
                    "StreamViewType": "NEW_IMAGE",
                },
                **more,
            }
            for number, item in enumerate(items)
        ]
    }
