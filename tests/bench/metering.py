"""What it costs to count a request exactly: time over the put's round trip, and write capacity.

    python -m tests.bench.metering [--rounds 2000] [--json]

Contenders take turns against one server on this machine that takes every write at once, so that
what differs is the client's work and the number of round trips:

* round trip: the put's bytes over a kept connection, nothing around them.
* ours: `commit` over the ledger's adapter and the signing client; and over botocore's client.
* Powertools: its Idempotency utility (lock, then completion) around an `ADD` to a usage row.
* TransactWriteItems: the entry and the `ADD` in one transaction, by botocore.

Capacity is counted from the requests by DynamoDB's rules (capacity.py). Prices are those of
us-east-1, on demand, as of 2026-11.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
import warnings
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
import orjson
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

from infermeter.adapters.clients import Clients
from infermeter.adapters.ledger import DynamoLedger
from infermeter.adapters.signature import Credentials
from infermeter.adapters.signed_dynamodb import SignedDynamoDB
from infermeter.metering.ids import Channel, derive_id
from infermeter.metering.ledger import LedgerEntry, commit
from infermeter.metering.sharding import ONE_SHARD
from tests.bench.capacity import item_size
from tests.bench.report import microseconds, print_rows, print_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from infermeter.metering.sharding import Sharding

WRITE_UNIT_USD = 0.625e-6
REGION = "us-east-1"
ANSWER = {"model_name": "tabular", "outputs": [{"name": "p", "shape": [1, 10], "data": [0.1] * 10}]}


@dataclass(frozen=True)
class Row:
    """One contender's outcome. Times are medians in microseconds, capacity per request."""

    contender: str
    median: float
    over_round_trip: float
    requests: float
    write_units: float

    @property
    def usd_per_million(self) -> float:
        """Of write capacity alone."""
        return self.write_units * WRITE_UNIT_USD * 1e6


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    os.environ.update(
        AWS_ACCESS_KEY_ID="id", AWS_SECRET_ACCESS_KEY="secret", AWS_DEFAULT_REGION=REGION
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.dynamodb_server", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        rows = _race(port, arguments.rounds)
    finally:
        server.terminate()
        server.wait()
    if arguments.json:
        print_rows([vars(row) | {"usd_per_million": row.usd_per_million} for row in rows])
    else:
        _print(rows)


def _print(rows: list[Row]) -> None:
    size = item_size(_item(_entry(0)))
    print_table(
        "Counting one request",
        ["contender", "median us", "over the trip", "requests", "write units", "$ per million"],
        [
            [
                row.contender,
                microseconds(row.median),
                microseconds(row.over_round_trip),
                f"{row.requests:g}",
                f"{row.write_units:g}",
                f"{row.usd_per_million:.3f}",
            ]
            for row in rows
        ],
        note=f"a ledger item is {size} bytes",
    )


def _race(port: int, rounds: int) -> list[Row]:
    contenders = _contenders(port)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    units: dict[str, tuple[float, float]] = {}
    for name, call in contenders.items():
        for _ in range(50):
            call()
        _capacity(port)
        for _ in range(20):
            call()
        counted = _capacity(port)
        units[name] = (counted["requests"] / 20, counted["units"] / 20)
    for _ in range(rounds):
        for name, call in contenders.items():
            started = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - started) * 1e6)
    medians = {name: sorted(values)[len(values) // 2] for name, values in times.items()}
    trip = medians["round trip"]
    return [Row(name, medians[name], medians[name] - trip, *units[name]) for name in contenders]


def _contenders(port: int) -> dict[str, Callable[[], None]]:
    endpoint = f"http://127.0.0.1:{port}"
    numbers = count()
    boto = boto3.client("dynamodb", endpoint_url=endpoint, region_name=REGION)
    prompt = Clients(
        lambda name, *, config: boto3.client(
            name, endpoint_url=endpoint, region_name=REGION, config=config
        )
    ).dynamodb(prompt=True)
    signed: Any = SignedDynamoDB(Credentials("id", "secret"), REGION, endpoint=endpoint)
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def trip() -> None:
        connection.sendall(_bytes(_entry(next(numbers))))
        connection.recv(65536)

    def by(client: Any) -> Callable[[], None]:
        ledger = DynamoLedger(client, "ledger", _one_shard)
        return lambda: _committed(ledger, _entry(next(numbers)))

    def in_transaction() -> None:
        item = _item(_entry(next(numbers)))
        free = "attribute_not_exists(pk)"
        put = {"TableName": "ledger", "Item": item, "ConditionExpression": free}
        boto.transact_write_items(TransactItems=[{"Put": put}, {"Update": _add()}])

    layer = DynamoDBPersistenceLayer(
        table_name="idempotency", boto3_session=boto3.Session(region_name=REGION), boto3_client=boto
    )
    # It warns that it cannot know when its lock ends, since there is no Lambda context here.
    warnings.simplefilter("ignore", UserWarning)
    config = IdempotencyConfig(event_key_jmespath="id")

    @idempotent_function(data_keyword_argument="event", persistence_store=layer, config=config)
    def counted(event: dict[str, Any]) -> dict[str, Any]:
        boto.update_item(**_add())
        return ANSWER

    def by_powertools() -> None:
        counted(event={"id": str(uuid.uuid4())})

    return {
        "round trip": trip,
        "ours": by(signed),
        "ours, botocore": by(prompt),
        "Powertools + ADD": by_powertools,
        "TransactWriteItems": in_transaction,
    }


def _one_shard(_: str) -> Sharding:
    return ONE_SHARD


def _committed(ledger: DynamoLedger, entry: LedgerEntry) -> None:
    commit(ledger, entry)


def _entry(number: int) -> LedgerEntry:
    now_ms = time.time_ns() // 1_000_000
    return LedgerEntry(
        tenant="acme",
        request_id=derive_id(now_ms, str(number)),
        key_id="0123456789ab",
        model="tabular",
        version="12",
        unit="row",
        units=1,
        rows=1,
        bytes_in=412,
        bytes_out=530,
        milliseconds=7,
        channel=Channel.HTTP,
        payload_hash="0" * 32,
        nonce=os.urandom(16).hex(),
        committed_ms=now_ms,
        gateway_id=str(uuid.uuid4()),
        price="pro:3",
    )


def _add() -> dict[str, Any]:
    return {
        "TableName": "usage",
        "Key": {"pk": {"S": "U#acme#202611"}, "sk": {"S": "H#2514#0123456789ab#tabular#12"}},
        "UpdateExpression": "ADD q :q, u :u, r :r",
        "ExpressionAttributeValues": {name: {"N": "1"} for name in (":q", ":u", ":r")},
    }


class _Capture:
    def put_item(self, **arguments: Any) -> None:
        self.arguments = arguments


def _item(entry: LedgerEntry) -> dict[str, Any]:
    capture: Any = _Capture()
    DynamoLedger(capture, "ledger", _one_shard).put(entry)
    item: dict[str, Any] = capture.arguments["Item"]
    return item


def _bytes(entry: LedgerEntry) -> bytes:
    request = {"TableName": "ledger", "Item": _item(entry)}
    body = orjson.dumps(request)
    head = f"POST / HTTP/1.1\r\nx-amz-target: D.PutItem\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _capacity(port: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        counted: dict[str, Any] = orjson.loads(answer.read())
    return counted


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            _capacity(port)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the server: expected it to answer within 5 s, got nothing")


if __name__ == "__main__":
    main()
