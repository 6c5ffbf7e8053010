"""What it takes to make the row of a put, by how a tenant's ledger is divided, in microseconds.

    python -m tests.bench.places [--rounds 20] [--json]

With one shard no more is done than to see that there were no changes; else the id's hash is there.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from infermeter.adapters.ledger import DynamoLedger
from infermeter.metering.ids import Channel, derive_id
from infermeter.metering.ledger import LedgerEntry
from infermeter.metering.sharding import ONE_SHARD, ShardChange, Sharding
from tests.bench.blocks import Contender, race
from tests.bench.report import microseconds, print_rows, print_table

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 500
CASES = {
    "one shard": ONE_SHARD,
    "16 shards": Sharding((ShardChange("2026010100", 16),)),
    "256 shards": Sharding((ShardChange("2026010100", 256),)),
    "256 shards after 16 changes": Sharding(
        tuple(ShardChange(f"20260101{hour:02}", (16, 256)[hour % 2]) for hour in range(16))
    ),
}


class _Nowhere:
    def put_item(self, **_: Any) -> None:
        pass


def main() -> None:
    """Measures, and prints a row for each case."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20, help="blocks per case")
    parser.add_argument("--json", action="store_true", help="one JSON object per case")
    arguments = parser.parse_args()
    contenders = [_contender(name, sharding) for name, sharding in CASES.items()]
    race(contenders, rounds=arguments.rounds, calls=CALLS)
    if arguments.json:
        print_rows({"case": c.name, "us": c.median_us, "least_us": c.least_us} for c in contenders)
        return
    print_table(
        "The row of a put, in microseconds",
        ("ledger", "median", "least"),
        [(c.name, microseconds(c.median_us), microseconds(c.least_us)) for c in contenders],
        note="Medians of blocks' medians; all of a put but the request.",
    )


def _contender(name: str, sharding: Sharding) -> Contender:
    client: Any = _Nowhere()
    ledger = DynamoLedger(client, "ledger", lambda _: ONE_SHARD)
    make: Callable[[], LedgerEntry] = lambda: _entry(sharding)  # noqa: E731
    return Contender(name, make, ledger.put)


def _entry(sharding: Sharding) -> LedgerEntry:
    now_ms = time.time_ns() // 1_000_000
    return LedgerEntry(
        tenant="acme",
        request_id=derive_id(now_ms, "request"),
        key_id="AAAABBBBCCCC",
        model="tabular",
        version="3",
        unit="row",
        units=10,
        rows=10,
        bytes_in=500,
        bytes_out=300,
        milliseconds=2,
        channel=Channel.HTTP,
        payload_hash="0" * 32,
        nonce="f" * 16,
        committed_ms=now_ms,
        gateway_id="JKJaXmPLvHcESHA=",
        sharding=sharding,
    )


if __name__ == "__main__":
    main()
