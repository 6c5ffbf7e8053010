"""Requests over HTTP as a client sends them, and what may be said of every answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infermeter.adapters.ledger import entry_of
from infermeter.metering.documents import parse_entry
from infermeter.metering.ids import derive_id
from infermeter.metering.ledger import Billed, Kind
from tests.cloud import proxy_event
from tests.proof.site import MODEL, NOW, RESOURCES

if TYPE_CHECKING:
    from infermeter.metering.ledger import LedgerEntry
    from tests.proof.account import Account
    from tests.proof.faults import Faults
    from tests.proof.site import Site

ROWS = {"name": "x", "shape": [2, 3], "datatype": "FP32", "data": [1, 2, 3, 4, 5, 6]}
OTHER_ROWS = ROWS | {"data": [6, 5, 4, 3, 2, 1]}
OPAQUE, TIMED = "order-17", derive_id(int(NOW * 1000), "order-17").text


def request(site: Site, *, id: str = OPAQUE, rows: dict[str, Any] = ROWS) -> dict[str, Any]:
    """The gateway's event of one attempt."""
    return proxy_event(
        "POST",
        f"/v2/models/{MODEL}/infer",
        body={"inputs": [rows]},
        headers={"x-api-key": site.key.text(), "Idempotency-Key": id},
        request_id="gateway",
    )


def charges(account: Account) -> list[LedgerEntry]:
    """All charges in the ledger."""
    entries = [entry_of(item) for item in account.table(RESOURCES.ledger_table).values()]
    return [entry for entry in entries if entry.kind is Kind.CHARGE]


def spooled(account: Account) -> list[LedgerEntry]:
    """What waits in the spool."""
    queue = account.queues.get(RESOURCES.spool_queue, [])
    return [parse_entry(json.loads(message.body)) for message in queue]


@dataclass(frozen=True)
class Answer:
    """A 2xx: whose, what for, and what it said of its charge."""

    billed: Billed
    units: int
    version: str


def ask(
    site: Site, account: Account, faults: Faults, event: dict[str, Any]
) -> dict[str, Any] | None:
    """A fresh process's answer; None when it dies. Whatever it is, I1 and I2 hold after it."""
    answer: dict[str, Any] | None = site.call("infer", account, faults, event)
    assert answer is None or answer["statusCode"] in {200, 422, 503}, answer
    standing, waiting = charges(account), spooled(account)
    assert len(standing) <= 1, f"I1: {len(standing)} charges"
    if answer is None or answer["statusCode"] != 200:
        assert answer is None or "outputs" not in answer["body"]
        return answer
    made = told(answer)
    if made.billed is Billed.PENDING:
        messages = {(entry.units, entry.version) for entry in waiting}
        assert (made.units, made.version) in messages, "I2: pending, and not in the spool"
    else:
        assert standing, "I2: a 2xx without its entry"
        assert (standing[0].units, standing[0].version) == (made.units, made.version), "I2: units"
    return answer


def told(answer: dict[str, Any]) -> Answer:
    """What a 2xx says."""
    headers = answer["headers"]
    return Answer(
        Billed(headers["infermeter-billed"]),
        int(headers["infermeter-units"]),
        headers["infermeter-model-version"],
    )


def answered(answers: list[dict[str, Any] | None]) -> list[Answer]:
    """The 2xx among them."""
    return [told(answer) for answer in answers if answer and answer["statusCode"] == 200]
