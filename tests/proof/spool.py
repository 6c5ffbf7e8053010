"""The spool's queue and its consumer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.proof.events import queue_event
from tests.proof.faults import CALM, Faults
from tests.proof.schedules import Chooser
from tests.proof.site import RESOURCES

if TYPE_CHECKING:
    from tests.proof.account import Account
    from tests.proof.site import Site


def drain(site: Site, account: Account, faults: Faults | None = None) -> None:
    """One delivery of all that waits; what the consumer does not hand back is deleted."""
    queue = account.queues.get(RESOURCES.spool_queue, [])
    if not queue:
        return
    faults = faults or Faults(Chooser(), CALM)
    event = queue_event(RESOURCES.spool_queue, queue)
    answer = site.call("spool", account, faults, event)
    if answer is not None:
        again = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        account.queues[RESOURCES.spool_queue] = [each for each in queue if each.id in again]
