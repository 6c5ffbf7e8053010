"""Queued requests as a producer sends them, their queue, and what is left of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infermeter.adapters.results import result_key
from infermeter.metering.ids import recorded_id
from tests.proof.account import Object, Queued
from tests.proof.events import queue_event
from tests.proof.requests import OPAQUE, ROWS, charges
from tests.proof.site import MODEL, NOW, RESOURCES, TENANT

if TYPE_CHECKING:
    from tests.proof.account import Account
    from tests.proof.faults import Faults
    from tests.proof.site import Site


def message(
    site: Site, number: int = 1, *, id: str = OPAQUE, rows: dict[str, Any] = ROWS
) -> Queued:
    """A message that waits in the queue."""
    body = {
        "specversion": "1.0",
        "id": id,
        "key_id": site.key.id,
        "model": MODEL,
        "request": {"inputs": [rows]},
    }
    return Queued(f"message-{number}", json.dumps(body), int(NOW * 1000))


@dataclass
class Queue:
    """Messages on their way: what is not deleted is delivered again."""

    site: Site
    account: Account
    waiting: list[Queued]
    deliveries: int = 0
    deleted: list[Queued] = field(default_factory=list)

    def copy(self) -> Queue:
        """A queue that goes its own way from here."""
        lists = list(self.waiting), self.deliveries, list(self.deleted)
        return Queue(self.site, self.account.copy(), *lists)

    def deliver(self, faults: Faults, *, again: bool = False) -> None:
        """All that waits, as one batch; `again`: what was deleted too, as SQS sometimes does."""
        batch = self.waiting + (self.deleted if again else [])
        if not batch:
            return
        self.deliveries += 1
        answer = self.site.call(
            "batch", self.account, faults, queue_event("batch", batch, self.deliveries)
        )
        ids = [entry.request_id for entry in charges(self.account)]
        assert len(set(ids)) == len(ids), "I1"
        if answer is None:
            return
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        self.deleted += [each for each in self.waiting if each.id not in failed]
        self.waiting = [each for each in self.waiting if each.id in failed]


def result(account: Account, id: str = OPAQUE) -> Object | None:
    """What lies in the results bucket under an id."""
    place = result_key(TENANT, recorded_id(id))
    return account.buckets.get(RESOURCES.results_bucket, {}).get(place)


def succeeded(stored: Object | None) -> bool:
    """Whether it is an answer."""
    return stored is not None and stored.metadata["status"] == "succeeded"
