"""The HTTP application over memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from infermeter.errors import LedgerUnavailable
from infermeter.metering.ids import derive_id
from infermeter.service import PUT_BUDGET_S
from infermeter.wire.http import HttpRequest
from tests.ports import NOW, MemoryLedger, Scaling, World

if TYPE_CHECKING:
    from infermeter.api.exchange import Exchange

ROW = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}


class Site:
    """An application with one key and version 1 of the scaling model, `y = 2 x`."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.world = World(self.ledger)
        self.key = self.world.make_key()
        self.world.publish(2.0)
        self.application = self.world.application()

    def ask(
        self,
        method: str = "POST",
        path: str = "/v2/models/scaling/infer",
        *,
        body: Any = None,
        deadline: float = NOW + 25,
        cold: bool = False,
        **headers: str,
    ) -> Exchange:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = HttpRequest(
            method=method,
            path=path,
            headers={"x-api-key": self.key.text()} | names,
            body=orjson.dumps({"inputs": [ROW]} if body is None else body),
            gateway_id="gateway",
            received_ms=int(NOW * 1000),
        )
        return self.application.handle(request, deadline=deadline, cold=cold)


@pytest.fixture
def site() -> Site:
    return Site()


def test_no_key_is_in_what_an_exchange_shows(site: Site) -> None:
    assert site.key.secret not in repr(site.ask())


def data(exchange: Exchange) -> list[float]:
    assert exchange.response.status == 200, exchange.response.body
    return orjson.loads(exchange.response.body)["outputs"][0]["data"]


def test_a_request_is_answered_and_charged(site: Site) -> None:
    assert data(site.ask()) == [2, 4]
    (entry,) = site.ledger.entries.values()
    assert (entry.tenant, entry.key_id, entry.units) == ("acme", site.key.id, 1)
    assert (entry.model, entry.version, entry.gateway_id) == ("scaling", "1", "gateway")


def test_the_entry_says_what_went_in_and_out(site: Site) -> None:
    exchange = site.ask()
    (entry,) = site.ledger.entries.values()
    assert entry.bytes_in == len(exchange.request.body)
    assert entry.bytes_out == len(exchange.response.body)


def test_an_answer_says_what_was_billed_and_what_it_took(site: Site) -> None:
    headers = site.ask(cold=True).response.headers
    assert headers["x-request-id"] == derive_id(int(NOW * 1000), "gateway").text
    assert headers["infermeter-units"] == "1"
    assert headers["infermeter-billed"] == "new"
    assert headers["infermeter-model-version"] == "1"
    assert headers["infermeter-cold-start"] == "true"
    for stage in ("auth", "decode", "load", "infer", "encode", "meter"):
        assert f"{stage};dur=" in headers["server-timing"]


def test_the_same_event_twice_is_charged_once(site: Site) -> None:
    site.ask()
    assert site.ask().response.headers["infermeter-billed"] == "replay"
    assert len(site.ledger.entries) == 1


@pytest.mark.parametrize(
    ("header", "accepted"),
    [("Bearer {}", True), ("bearer  {}", True), ("Basic {}", False), ("{}", False)],
)
def test_a_key_may_come_as_a_bearer(site: Site, header: str, accepted: bool) -> None:
    authorization = header.format(site.key.text())
    exchange = site.ask(x_api_key="", authorization=authorization)
    assert exchange.response.status == (200 if accepted else 401)


@pytest.mark.parametrize("path", ["/v2", "/v2/health/live", "/v2/health/ready"])
def test_what_is_public_needs_no_key(site: Site, path: str) -> None:
    assert site.ask("GET", path, x_api_key="").response.status == 200


@pytest.mark.parametrize("path", ["/v2/models", "/v2/models/scaling", "/v2/models/scaling/ready"])
def test_what_is_not_public_needs_one(site: Site, path: str) -> None:
    assert site.ask("GET", path, x_api_key="").response.status == 401
    assert site.ask("GET", path).response.status == 200


def test_a_replay_after_the_alias_moved_is_answered_by_the_recorded_version(site: Site) -> None:
    site.ask()
    site.world.publish(3.0)
    site.world.clock.now += 31
    exchange = site.ask(deadline=NOW + 60)
    assert data(exchange) == [2, 4]
    assert exchange.response.headers["infermeter-model-version"] == "1"


def test_a_replay_whose_version_is_gone_is_refused(site: Site) -> None:
    site.ask()
    site.world.publish(3.0)
    del site.world.registry.versions["scaling"]["1"]
    site.world.clock.now += 31
    exchange = site.ask(deadline=NOW + 60)
    assert exchange.response.status == 409
    assert b"send a new id" in exchange.response.body
    assert len(site.ledger.entries) == 1


def test_an_answer_that_is_late_is_not_charged(site: Site) -> None:
    exchange = site.ask(deadline=NOW + 1.9)
    assert exchange.response.status == 504
    assert not site.ledger.entries


def test_an_answer_just_in_time_is_charged(site: Site) -> None:
    assert site.ask(deadline=NOW + PUT_BUDGET_S).response.status == 200


@pytest.mark.parametrize(("timeout_us", "status"), [(1_500_000, 504), (60_000_000, 200), (0, 200)])
def test_a_caller_waits_as_long_as_it_says(
    site: Site, monkeypatch: pytest.MonkeyPatch, timeout_us: int, status: int
) -> None:
    def run_two_seconds(model: Scaling, inputs: Any, outputs: Any) -> Any:
        site.world.clock.now += 2
        return [inputs["x"] for _ in outputs]

    monkeypatch.setattr(Scaling, "run", run_two_seconds)
    exchange = site.ask(body={"inputs": [ROW], "parameters": {"timeout": timeout_us}})
    assert exchange.response.status == status
    assert bool(site.ledger.entries) == (status == 200)


def test_a_model_that_fails_charges_nothing(site: Site) -> None:
    exchange = site.ask(body={"inputs": [ROW | {"data": [-1, 0]}]})
    assert exchange.response.status == 422
    assert b"a negative number" in exchange.response.body
    assert not site.ledger.entries


def test_without_the_ledger_there_is_no_answer(site: Site) -> None:
    def down(_: object) -> None:
        raise LedgerUnavailable

    site.ledger.put = down  # type: ignore[method-assign]
    exchange = site.ask()
    assert exchange.response.status == 503
    assert exchange.response.headers["retry-after"] == "1"
    assert b"outputs" not in exchange.response.body


def test_a_unit_may_be_the_request(site: Site) -> None:
    site.world.publish(5.0, unit="request", name="other")
    body = {"inputs": [ROW | {"shape": [3, 2], "data": [1] * 6}]}
    exchange = site.ask(path="/v2/models/other/infer", body=body)
    assert exchange.response.headers["infermeter-units"] == "1"
    (entry,) = site.ledger.entries.values()
    assert (entry.unit, entry.units, entry.rows) == ("request", 1, 3)


def test_metadata_of_a_version_names_all_versions(site: Site) -> None:
    site.world.publish(3.0)
    body = orjson.loads(site.ask("GET", "/v2/models/scaling/versions/1").response.body)
    assert body["versions"] == ["1", "2"]
