"""The demo's steps, in order."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING

from rich.markup import escape

from infra.cli import console
from infra.cli.demo.errors import FellShort, expect
from infra.cli.demo.queueing import count, send_batch
from infra.cli.demo.serving import (
    Customer,
    Tally,
    check_refusals,
    check_replay,
    request_document,
)
from infra.cli.demo.training import ALIAS, RECIPE, Published, train_and_publish
from infra.cli.stack import DEFAULT_PORT
from infra.cli.target import find_target

if TYPE_CHECKING:
    from infermeter.metering.usage import Used
    from infra.cli.target import Target

TENANT = "demo"
ROWS_PER_REQUEST = 50
MESSAGES = 4
ROWS_PER_MESSAGE = 5


def run(port: int | None) -> int:
    """Runs the loop; 0 when every step gave what it must, else 1 after saying which did not."""
    started = time.perf_counter()
    try:
        _run(port)
    except FellShort as shortfall:
        console.progress.print(f"[red]fell short[/red]: {escape(str(shortfall))}")
        return 1
    console.progress.print(f"[bold]all steps done[/bold] in {time.perf_counter() - started:.1f} s")
    return 0


def _run(port: int | None) -> None:
    with console.step("1. Local stack: the synthesized template on a local AWS"):
        target = _stack(port)
        console.note(f"customers call {target.url}")
    with console.step("2. Train, gate, publish: the template's own state machine"):
        published = train_and_publish(target)
        console.note(f"{published.model} version {published.version}, alias {ALIAS}")
    with console.step("3. A key, and what was used before"):
        wiring = target.wiring()
        key = wiring.key_administration.create(TENANT)
        before = _total(wiring.usage.rows(TENANT))
    customer = Customer(target.url, key.text(), published.version)
    with console.step("4. Serve over HTTP: the whole test split"):
        served = _classify_all(customer, published)
        _check_accuracy(published, served)
    with console.step("5. The same request twice, and bad ones"):
        row = published.features[0]
        replayed = check_replay(customer, published.model, row)
        console.note(f"second time, same Idempotency-Key: infermeter-billed: {replayed}")
        for status, message in check_refusals(customer, published.model, row):
            console.note(f"{status}  {message}")
    with console.step("6. Serve a batch from the queue"):
        _batch(target, customer, published, key.id, served)
    with console.step("7. The meter"):
        rows = wiring.usage.rows(TENANT)
        _check_usage(before, _total(rows), customer.tally)
    _show(published, served, rows)
    _show_next(target, published, customer)


def _stack(port: int | None) -> Target:
    from infra.local import stack

    status = stack.status()
    if port is None:
        # Nobody asked for a port: another one serves as well when the usual one is taken.
        port = DEFAULT_PORT if _is_free(DEFAULT_PORT) else _free_port()
    if status.ready and status.url:
        port = int(status.url.rsplit(":", 1)[-1])
    stack.start(port, progress=console.note)
    return find_target()


def _classify_all(customer: Customer, published: Published) -> list[int]:
    features = published.features
    return [
        label
        for start in range(0, len(features), ROWS_PER_REQUEST)
        for label in customer.classify(published.model, features[start : start + ROWS_PER_REQUEST])
    ]


def _check_accuracy(published: Published, served: list[int]) -> None:
    right = sum(a == b for a, b in zip(served, published.labels, strict=True))
    accuracy, trained = right / len(served), published.report["metrics"]["test"]["accuracy"]
    console.note(f"accuracy through the API {accuracy:.4f}, the trainer's {trained:.4f}")
    expect("rows right through the API", expected=round(trained * len(served)), got=right)


def _batch(
    target: Target, customer: Customer, published: Published, key_id: str, served: list[int]
) -> None:
    ends = range(ROWS_PER_MESSAGE, ROWS_PER_MESSAGE * (MESSAGES + 1), ROWS_PER_MESSAGE)
    groups = [published.features[end - ROWS_PER_MESSAGE : end] for end in ends]
    outcome = send_batch(
        target,
        tenant=TENANT,
        key_id=key_id,
        model=published.model,
        version=published.version,
        groups=groups,
    )
    count(customer.tally, groups)
    labels = [label for classes in outcome.classes for label in classes]
    expect("classes by queue", expected=served[: len(labels)], got=labels)
    console.note(
        f"{MESSAGES} messages of {ROWS_PER_MESSAGE} rows succeeded, same answers as over HTTP"
    )
    console.note(f"failed result: {outcome.failed}")
    console.note(f"dead letter: {outcome.dead}")


def _total(rows: list[Used]) -> Tally:
    return Tally(
        sum(row.quantities.requests for row in rows), sum(row.quantities.units for row in rows)
    )


def _check_usage(before: Tally, after: Tally, tally: Tally) -> None:
    console.note(f"customer counted {tally.requests} requests, {tally.units} units")
    console.note(f"metered {after.requests - before.requests}, {after.units - before.units}")
    expect("requests metered", expected=tally.requests, got=after.requests - before.requests)
    expect("units metered", expected=tally.units, got=after.units - before.units)


def _show(published: Published, served: list[int], rows: list[Used]) -> None:
    classes = sorted(set(published.labels))
    counts = {(a, b): 0 for a in classes for b in classes}
    for label, answer in zip(published.labels, served, strict=True):
        counts[label, answer] += 1
    console.print_table(
        "test split through the API: true class down, answer across",
        ["", *map(str, classes)],
        [[str(a), *(str(counts[a, b] or "·") for b in classes)] for a in classes],
    )
    console.print_table(
        f"usage of {TENANT}",
        ["key", "model", "version", "requests", "units", "final"],
        [[*r.group[:3], *r.quantities[:2], "yes" if r.final else "no"] for r in rows],
    )


def _show_next(target: Target, published: Published, customer: Customer) -> None:
    body = json.dumps(request_document([published.features[0]]), separators=(",", ":"))
    url = f"{target.url}/v2/models/{published.model}/infer"
    curl = f"curl -s {url} -H 'Authorization: Bearer {customer.key}' -d '{body}'"
    train = f"infermeter train {RECIPE} --set epochs=20 --out artefact"
    console.out.print("[bold]Try next[/bold] (source .venv/bin/activate)")
    for line in (
        curl,
        f"infermeter usage --tenant {TENANT}",
        "infermeter models",
        "infermeter logs -f infer",
        f"{train} && infermeter publish artefact",
        "infermeter down",
    ):
        console.out.print(f"  {line}", markup=False)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
