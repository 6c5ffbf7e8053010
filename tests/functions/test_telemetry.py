"""What the inference function logs and counts, and what it never says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import EndpointConnectionError

from infermeter.tenants.keys import new_key
from tests.functions.site import ROWS, Site

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Printed = Callable[[], list[str]]


def facts(lines: list[str]) -> list[dict[str, Any]]:
    return [line["request"] for line in map(json.loads, lines) if "request" in line]


def metrics(lines: list[str], name: str) -> list[float | None]:
    found = [line for line in map(json.loads, lines) if "_aws" in line]
    return [line.get(name) for line in found]


def test_no_key_and_no_tensor_is_ever_printed(site: Site, printed: Printed) -> None:
    text = site.key.text()
    site.ask()
    site.ask(headers={"x-api-key": "", "authorization": f"Bearer {text}"})
    site.ask(headers={"x-api-key": text[:-1]})
    site.ask(body={"inputs": [ROWS | {"data": ["secret text"] * 6}]})
    site.ask(path="/v2/models/nobody/infer")
    everything = "\n".join(printed())
    assert site.key.id in everything
    assert site.key.secret[:20] not in everything
    assert "secret text" not in everything
    assert '"data"' not in everything


def test_a_line_says_what_happened(site: Site, printed: Printed) -> None:
    answer = site.ask()
    (line,) = facts(printed())
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["tenant"], line["key_id"]) == ("acme", site.key.id)
    assert (line["model"], line["version"]) == ("linear", "1")
    assert (line["units"], line["billed"], line["status"]) == (2, "new", 200)


def test_a_refusal_says_why(site: Site, printed: Printed) -> None:
    site.ask(headers={"x-api-key": ""})
    (line,) = facts(printed())
    assert (line["status"], line["tenant"]) == (401, None)
    assert line["error"].startswith("Unauthenticated: API key")


def test_what_is_charged_is_counted_once(site: Site, printed: Printed) -> None:
    for _ in range(2):
        site.ask(headers={"Idempotency-Key": "order-17"})
    site.ask(headers={"x-api-key": ""})
    lines = printed()
    assert metrics(lines, "Units") == [2, 0, None]
    assert metrics(lines, "Requests") == [1, 0, None]
    assert metrics(lines, "Replays") == [0, 1, None]
    assert metrics(lines, "Refused") == [None, None, 1]


def test_what_waits_in_the_spool_is_counted_as_new(
    site: Site, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="ledger")

    ledger = site.handler.__globals__["wiring"].ledger
    monkeypatch.setattr(ledger._client, "put_item", refuse)
    assert site.ask().headers["infermeter-billed"] == "pending"
    lines = printed()
    assert metrics(lines, "Units") == [2]
    assert metrics(lines, "Requests") == [1]
    assert metrics(lines, "Replays") == [0]


def test_a_defect_of_ours_is_logged_with_its_trace(site: Site, printed: Printed) -> None:
    stranger = new_key()
    site.cloud.wiring.clients.dynamodb().put_item(
        TableName="control", Item={"pk": {"S": f"K#{stranger.id}"}, "sk": {"S": "META"}}
    )
    answer = site.ask(headers={"x-api-key": stranger.text()})
    assert answer.status == 500
    assert "KeyError" not in answer.error
    everything = "\n".join(printed())
    assert "KeyError" in everything
    assert stranger.secret not in everything


def test_a_defect_over_text_that_is_none_is_answered_and_logged(
    site: Site, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: Any, **__: Any) -> None:
        raise KeyError("\ud800")

    monkeypatch.setattr(site.handler.__globals__["application"], "handle", break_down)
    assert site.ask("GET", "/v2").status == 500
    assert "KeyError" in "\n".join(printed())
