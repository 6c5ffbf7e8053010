"""A customer's calls over HTTP, and their own tally of what they were served."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import urllib3

from infra.cli.demo.errors import expect


@dataclass(slots=True)
class Tally:
    """What a customer counts: requests that were answered, and their rows."""

    requests: int = 0
    units: int = 0

    def add(self, units: int) -> None:
        """One request served."""
        self.requests += 1
        self.units += units


@dataclass(slots=True)
class Customer:
    """Someone with a URL and a key, who calls one version: an alias may lag by 30 s."""

    url: str
    key: str
    version: str
    tally: Tally = field(default_factory=Tally)
    _pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False))

    def classify(self, model: str, rows: list[list[float]], key: str | None = None) -> list[int]:
        """The classes of the rows; `key` makes a retry the same request."""
        status, headers, body = self.infer(model, rows, idempotency_key=key)
        expect(f"POST /v2/models/{model}/infer", expected=200, got=status)
        expect("version", expected=self.version, got=headers.get("infermeter-model-version"))
        expect("infermeter-units", expected=str(len(rows)), got=headers.get("infermeter-units"))
        if headers["infermeter-billed"] == "new":
            self.tally.add(len(rows))
        (output,) = body["outputs"]
        return classes_of(output)

    def infer(
        self,
        model: str,
        rows: list[list[float]],
        *,
        idempotency_key: str | None = None,
        with_key: bool = True,
    ) -> tuple[int, Any, Any]:
        """Status, headers and parsed body of an Open Inference Protocol request."""
        headers = {"Content-Type": "application/json"}
        if with_key:
            headers["Authorization"] = f"Bearer {self.key}"
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        answer = self._pool.request(
            "POST",
            f"{self.url}/v2/models/{model}/versions/{self.version}/infer",
            body=json.dumps(request_document(rows)),
            headers=headers,
        )
        return answer.status, answer.headers, json.loads(answer.data)


def request_document(rows: list[list[float]], name: str = "features") -> dict[str, Any]:
    """The request body for rows of the input `name`."""
    shape = [len(rows), len(rows[0])]
    return {"inputs": [{"name": name, "datatype": "FP32", "shape": shape, "data": rows}]}


def classes_of(output: dict[str, Any]) -> list[int]:
    """The most probable class of each row of a `[rows, classes]` output in flat JSON."""
    rows, width = output["shape"]
    data = output["data"]
    return [
        max(range(width), key=data[row * width : (row + 1) * width].__getitem__)
        for row in range(rows)
    ]


def check_replay(customer: Customer, model: str, row: list[float]) -> str:
    """Sends one request twice under one key: billed once. What the second answer said."""
    key = str(uuid.uuid4())
    before = customer.tally.requests
    first = customer.classify(model, [row], key)
    _, headers, body = customer.infer(model, [row], idempotency_key=key)
    expect("the retry's answer", expected=first, got=classes_of(body["outputs"][0]))
    expect("infermeter-billed", expected="replay", got=headers.get("infermeter-billed"))
    expect("requests billed", expected=before + 1, got=customer.tally.requests)
    return str(headers["infermeter-billed"])


def check_refusals(customer: Customer, model: str, row: list[float]) -> list[tuple[int, str]]:
    """Bad requests: each refused in the protocol's shape, none billed."""
    seen = []
    for expected, name, sent, with_key in (
        (401, model, row, False),
        (404, "nonesuch", row, True),
        (400, model, row[:-1], True),
    ):
        status, _, body = customer.infer(name, [sent], with_key=with_key)
        expect("status of a bad request", expected=expected, got=status)
        expect("its body's fields", expected=["error"], got=list(body))
        seen.append((status, str(body["error"])))
    return seen
