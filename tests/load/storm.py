"""A run: customers and a producer under kills and throttling, and the books at its end.

    python -m tests.load.storm [--seconds 60] [--clients 6] [--messages 40] [--kill-all] [--seed 1]

Starts a local stack of its own, serves the linear
model, and ends with exit code 1 unless ledger, archive, usage rows and the clients' own tally are
equal to the unit.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.cli.target import find_target
from infra.local import state
from tests.load.books import drained, read_books
from tests.load.tally import Client, Request, Tally
from tests.load.trouble import Killer, throttle
from tests.stack import free_port, run_command

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection

    from infra.cli.target import Target
    from tests.load.books import Books

MODEL = "linear"
# Whose dead processes nobody waits for; and, with those of the queues, all that serve or count.
PROMPT = ("infer", "archive", "usage")
ALL = (*PROMPT, "batch", "spool")


@dataclass(frozen=True)
class Outcome:
    """A run: what clients were told, what was done to the stack, and what the books say."""

    tally: Tally
    killed: Counter[str]
    books: Books

    def differences(self) -> list[str]:
        """Empty if all is equal to the unit."""
        books, units = self.books, self.tally.units
        total = sum(units.values())
        found = [*self.tally.contradictions]
        found += [f"{id}: charged twice" for id in books.twice]
        for id in units.keys() | books.ledger.keys():
            if units.get(id) != books.ledger.get(id):
                found.append(f"{id}: told {units.get(id)}, in the ledger {books.ledger.get(id)}")
        for name in ("archive", "usage_rows", "live"):
            if (got := getattr(books, name)) != total:
                found.append(f"{name}: expected {total} units, got {got}")
        if books.requests != len(units):
            found.append(f"requests: expected {len(units)}, got {books.requests}")
        return found

    def document(self) -> dict[str, Any]:
        """For people and programs."""
        return {
            "ids": len(self.tally.units),
            "units": sum(self.tally.units.values()),
            "answers": dict(self.tally.outcomes),
            "killed": dict(self.killed),
            "sealed_hours": self.books.sealed_hours,
            "usage_rows": self.books.usage_rows,
            "differences": self.differences(),
        }


def run(
    target: Target,
    *,
    tenant: str,
    key: dict[str, str],
    seconds: float,
    clients: int,
    messages: int,
    seed: int,
    kill: Collection[str] = PROMPT,
    patience_s: float = 120,
) -> Outcome:
    """Loads the stack for some seconds, lets it settle, and reads the books."""
    since, until = time.time(), time.monotonic() + seconds
    tally, pool, killer = Tally(), list[Request](), Killer(kill, seed)

    def go_on() -> bool:
        return time.monotonic() < until

    throttle(state.state_dir(), target.output("LedgerTable"), seconds)
    sent = _produce(target, tenant, key["key_id"], messages, seed)
    assassin = threading.Thread(target=killer.run, args=(go_on,))
    assassin.start()
    customers = [Client(target.url, key["key"], tally, pool, seed + n) for n in range(clients)]
    with ThreadPoolExecutor(clients) as threads:
        for done in [threads.submit(each.run, go_on) for each in customers]:
            done.result()
    assassin.join()
    state.faults(state.state_dir()).unlink(missing_ok=True)
    for request in sent:
        _await_result(target, tenant, request, tally, patience_s)
    assert drained(target, within_s=patience_s), "the queues: expected them empty, got messages"
    return Outcome(tally, killer.killed, read_books(target, tenant, since))


def _produce(target: Target, tenant: str, key_id: str, count: int, seed: int) -> list[Request]:
    """Sends messages, some of them more than once."""
    random_, sqs = random.Random(seed), target.client("sqs")  # noqa: S311  no secret
    requests = [Request(f"queued-{number}", random_.randint(1, 5)) for number in range(count)]
    for request in requests:
        envelope = {
            "specversion": "1.0",
            "id": request.id,
            "key_id": key_id,
            "model": MODEL,
            "request": json.loads(request.body()),
        }
        for _ in range(random_.randint(1, 3)):
            sqs.send_message(
                QueueUrl=target.output("BatchQueueUrl"),
                MessageBody=json.dumps(envelope),
                MessageGroupId=tenant,
            )
    return requests


def _await_result(
    target: Target, tenant: str, request: Request, tally: Tally, within_s: float
) -> None:
    from infermeter.adapters.results import result_key
    from infermeter.metering.ids import recorded_id

    s3, key = target.client("s3"), result_key(tenant, recorded_id(request.id))
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            body = s3.get_object(Bucket=target.output("ResultsBucket"), Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey:
            time.sleep(0.2)
            continue
        assert json.loads(body)["status"] == "succeeded", body
        tally.answered(request.id, request.rows, "queued")
        return
    raise TimeoutError(f"{request.id}: expected a result within {within_s:.0f} s")


def main() -> None:
    """Starts a stack, runs, prints, stops it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--messages", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kill-all", action="store_true", help="consumers of queues too: 10 min")
    arguments = vars(parser.parse_args())
    if arguments.pop("kill_all"):
        arguments |= {"kill": ALL, "patience_s": 1200}
    from tests.models import linear, linear_manifest, write_artifact

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        os.environ["INFERMETER_HOME"] = str(home)
        try:
            started = run_command(home, "up", "--detach", "--port", str(free_port()), "--json")
            assert started.returncode == 0, started.stderr
            artifact = write_artifact(Path(folder) / "model", linear(), linear_manifest())
            run_command(home, "publish", str(artifact))
            made = run_command(home, "keys", "create", "--tenant", "storm", "--json")
            outcome = run(find_target(), tenant="storm", key=json.loads(made.stdout), **arguments)
        finally:
            run_command(home, "down", "--purge")
    sys.stdout.write(json.dumps(outcome.document(), indent=2) + "\n")
    sys.exit(1 if outcome.differences() else 0)


if __name__ == "__main__":
    main()
