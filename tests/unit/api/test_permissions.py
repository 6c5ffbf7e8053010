"""What a key's scopes and its tenant's state let through, and what listings show."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from infermeter.api.routes import ROUTES
from infermeter.tenants.administration import KeyTerms
from infermeter.tenants.keys import TenantState
from infermeter.tenants.scopes import Action, Scopes, parse_scope
from infermeter.wire.http import HttpRequest
from tests.ports import NOW, MemoryLedger, World

if TYPE_CHECKING:
    from infermeter.api.exchange import Exchange

ROW = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}
LISTINGS = ["/v2/models", "/v1/models", "/v2/repository/index", "/v2/models/stats", "/openapi.json"]


class Site:
    """An application with the models `alpha` and `omega`."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.world = World(self.ledger)
        for name in ("alpha", "omega"):
            self.world.publish(name=name)
        self.application = self.world.application()

    def ask(self, path: str, *scopes: str, method: str = "", body: Any = None) -> Exchange:
        """Asks with a key of these scopes; what has a body is posted."""
        terms = KeyTerms(scopes=Scopes(tuple(map(parse_scope, scopes))))
        posted = "infer" in path or "repository" in path or "embeddings" in path
        request = HttpRequest(
            method=method or ("POST" if posted else "GET"),
            path=path,
            headers={"x-api-key": self.world.make_key(terms=terms).text()},
            body=orjson.dumps(body or {}) if posted else b"",
            gateway_id="gateway",
            received_ms=int(NOW * 1000),
        )
        return self.application.handle(request, deadline=NOW + 25)

    def status(self, path: str, *scopes: str, **more: Any) -> int:
        return self.ask(path, *scopes, **more).response.status

    def stand(self, state: TenantState) -> None:
        self.world.make_key()
        owner = self.world.keys.owners["acme"]
        self.world.keys.owners["acme"] = replace(owner, state=state)


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_key_infers_on_its_models_alone(site: Site) -> None:
    body = {"inputs": [ROW]}
    assert site.status("/v2/models/alpha/infer", "infer:alpha", body=body) == 200
    assert site.status("/v2/models/omega/infer", "infer:alpha", body=body) == 403
    assert site.status("/v2/models/alpha/infer", "read:*", "load:*", body=body) == 403
    assert len(site.ledger.entries) == 1


def test_a_model_that_a_body_names_is_judged_too(site: Site) -> None:
    exchange = site.ask("/v1/embeddings", "infer:alpha", body={"model": "omega", "input": "a"})
    assert exchange.response.status == 403


def test_a_refusal_has_the_shape_of_its_protocol(site: Site) -> None:
    oip = orjson.loads(site.ask("/v2/models/omega/ready", "read:alpha").response.body)
    assert oip["error"].startswith("API key: expected one with the scope 'read:omega'")
    openai = orjson.loads(site.ask("/v1/models/omega", "read:alpha").response.body)
    assert openai["error"]["type"] == "invalid_request_error"
    assert "limited to read:alpha" in openai["error"]["message"]


def test_a_version_behind_a_colon_is_its_models(site: Site) -> None:
    assert site.status("/v1/models/alpha:1", "read:alpha") == 200
    assert site.status("/v1/models/alpha:1", "read:omega") == 403


@pytest.mark.parametrize("place", ["", "/ready", "/config", "/stats", "/versions/1"])
def test_reading_is_of_a_keys_models_alone(site: Site, place: str) -> None:
    assert site.status(f"/v2/models/alpha{place}", "read:alpha") == 200
    assert site.status(f"/v2/models/alpha{place}", "infer:alpha") == 200
    assert site.status(f"/v2/models/alpha{place}", "read:omega", "load:*", "usage:*") == 403


@pytest.mark.parametrize("act", ["load", "unload"])
def test_loading_needs_its_own_scope(site: Site, act: str) -> None:
    path = f"/v2/repository/models/alpha/{act}"
    assert site.status(path, "infer:*", "read:*", "load:omega") == 403
    assert site.status(path, "load:alpha") != 403


@pytest.mark.parametrize("path", LISTINGS)
def test_a_listing_shows_what_may_be_read_or_called(site: Site, path: str) -> None:
    for scope in ("read:alpha", "infer:alp*", "*:alpha"):
        shown = site.ask(path, scope).response.body
        assert b"alpha" in shown
        assert b"omega" not in shown
    assert b"omega" in site.ask(path).response.body


@pytest.mark.parametrize("path", LISTINGS)
def test_who_may_read_nothing_is_shown_nothing(site: Site, path: str) -> None:
    assert b"omega" not in site.ask(path, "usage:*").response.body


@pytest.mark.parametrize("state", [TenantState.SUSPENDED, TenantState.CLOSED])
@pytest.mark.parametrize("path", [*LISTINGS, "/v2/models/alpha/infer", "/v2/models/alpha"])
def test_who_is_not_served_gets_402_everywhere(site: Site, path: str, state: TenantState) -> None:
    site.stand(state)
    key = site.world.make_key("umbrella")
    record = site.world.keys.records[key.id]
    site.world.keys.records[key.id] = replace(record, tenant="acme")
    request = HttpRequest(
        method="POST" if "infer" in path or "index" in path else "GET",
        path=path,
        headers={"x-api-key": key.text()},
        body=orjson.dumps({"inputs": [ROW]} if "infer" in path else {}),
        gateway_id="gateway",
        received_ms=int(NOW * 1000),
    )
    answer = site.application.handle(request, deadline=NOW + 25).response
    assert answer.status == 402
    assert f"tenant 'acme' is {state.value}".encode() in answer.body
    assert not site.ledger.entries


def test_every_route_that_needs_a_key_says_what_for() -> None:
    actions = {route.endpoint: route.action for route in ROUTES if not route.public}
    infer = {name for name, action in actions.items() if action is Action.INFER}
    load = {name for name, action in actions.items() if action is Action.LOAD}
    assert infer == {"infer", "embeddings", "create_upload"}
    assert load == {"load_model", "unload_model"}
    for route in ROUTES:
        assert (route.action is Action.USAGE) == route.path.startswith("/v1/usage")
