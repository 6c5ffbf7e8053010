"""Limits through the real handler, over moto; as two conventions and two SDKs see them."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import httpx2
import openai
import pytest
from tritonclient.http._utils import _raise_if_error
from tritonclient.utils import InferenceServerException

from infermeter.adapters.ledger import entry_of
from infermeter.adapters.limits import DynamoBudgets
from infermeter.limits.leases import Account
from infermeter.limits.periods import month_of
from infermeter.limits.reclaim import Reclaimed
from infermeter.limits.terms import Budget, Limits, Rate
from infermeter.metering.measures import Measure
from infermeter.tenants.administration import KeyTerms
from infermeter.wiring.operator import OperatorWiring
from tests.functions.test_batch import message, send
from tests.functions.test_openai import publish
from tests.models import write_encoder

if TYPE_CHECKING:
    from tests.functions.site import Answer, Site

# Of the linear model's rows, two to a request.
UNITS = 2


def limit(site: Site, *, rate: Rate | None = None, budget: Budget | None = None) -> None:
    """Another key, with these limits."""
    terms = KeyTerms(limits=Limits(rate, budget))
    site.key = site.cloud.wiring.key_administration.create("acme", terms)


def test_a_burst_passes_then_429_says_when_to_come_back(site: Site) -> None:
    limit(site, rate=Rate(0.5, 3))
    answers = [site.ask() for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    remaining = [answer.headers["x-ratelimit-remaining-requests"] for answer in answers]
    assert remaining == ["2", "1", "0", "0", "0"]
    refused = answers[-1].headers
    assert refused["RateLimit-Policy".lower()] == '"requests";q=3;w=6'
    assert refused["ratelimit"] in {'"requests";r=0;t=6', '"requests";r=0;t=5'}
    assert refused["x-ratelimit-limit-requests"] == "3"
    assert refused["x-ratelimit-reset-requests"] in {"6s", "5s"}
    wait_ms = int(refused["retry-after-ms"])
    assert 0 < wait_ms <= 2000
    assert int(refused["retry-after"]) == max(1, math.ceil(wait_ms / 1000))
    assert refused["x-should-retry"] == "true"
    assert "rate limit of the key: expected at most 0.5 requests/s, 3 at once" in answers[-1].error
    assert len(site.charges()) == 3


def test_a_budget_that_is_spent_is_402_and_says_nothing_of_later(site: Site) -> None:
    limit(site, budget=Budget(5))
    answers = [site.ask() for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 402, 402]
    assert answers[0].headers["x-ratelimit-remaining-units"] == "3"
    refused = answers[-1].headers
    assert refused["x-ratelimit-limit-units"] == "5"
    assert refused["x-ratelimit-remaining-units"] == "1"
    assert refused["ratelimit-policy"].startswith('"units";q=5;w=')
    assert refused["x-should-retry"] == "false"
    assert not {"retry-after", "retry-after-ms"} & set(refused)
    assert "at most 5 units in 20" in answers[-1].error
    assert len(site.charges()) == 2


def test_what_one_environment_spent_another_knows_as_spent(site: Site) -> None:
    limit(site, budget=Budget(UNITS))
    assert site.ask().status == 200
    site.handler = site.cloud.function("infer").handler
    assert site.ask().status == 402


def test_what_the_queue_spent_is_known_as_spent_too(site: Site) -> None:
    limit(site, budget=Budget(1))
    assert send(site.cloud.function("batch"), message(site.key.id)) == []
    assert len(site.charges()) == 1
    assert site.ask().status == 402


def test_a_replay_takes_nothing_from_the_budget(site: Site) -> None:
    limit(site, budget=Budget(2 * UNITS))
    mine = {"Idempotency-Key": "mine"}
    answers = [site.ask(headers=mine) for _ in range(4)]
    assert [answer.headers["infermeter-billed"] for answer in answers] == ["new"] + ["replay"] * 3
    assert site.ask().status == 200
    assert site.ask().status == 402


def test_what_the_model_refuses_takes_nothing_from_the_budget(site: Site) -> None:
    limit(site, budget=Budget(UNITS))
    assert site.ask(body={"inputs": []}).status == 400
    assert site.ask(path="/v2/models/nope/infer").status == 404
    assert site.ask().status == 200


def test_an_entry_names_its_lease(site: Site) -> None:
    limit(site, budget=Budget(1_000))
    site.ask()
    (charge,) = site.charges()
    client = site.cloud.wiring.clients.dynamodb()
    rows = client.scan(TableName="limits")["Items"]
    assert charge["l"]["S"] in {row["sk"]["S"] for row in rows}


def test_what_a_dead_environment_held_comes_back(site: Site) -> None:
    limit(site, budget=Budget(1_000))
    reclaim(site)  # as it was every five minutes before
    site.ask()
    site.ask()
    account = Account(f"K#{site.key.id}", month_of(time.time()), Measure.UNIT)
    totals = DynamoBudgets(site.cloud.wiring.clients.dynamodb(), "limits").totals
    assert totals(account) == (10, 0)
    assert reclaim(site, after_s=18 * 60) == Reclaimed(1)
    assert totals(account) == (2 * UNITS, 2 * UNITS)
    assert reclaim(site, after_s=22 * 60) == Reclaimed(0)


def test_nothing_comes_back_while_entries_are_spooled(site: Site) -> None:
    limit(site, budget=Budget(1_000))
    reclaim(site)
    site.ask()
    wiring = site.cloud.wiring
    assert wiring.spool is not None
    (charge,) = site.charges()
    wiring.spool.send(entry_of(charge))
    assert reclaim(site, after_s=18 * 60) == Reclaimed(0, waiting=True)


def reclaim(site: Site, after_s: float = 0.0) -> Reclaimed:
    def clock() -> float:
        return time.time() + after_s

    return OperatorWiring(site.cloud.resources, clock=clock).reclaimer.run()


def test_milliseconds_and_bytes_are_refunded_to_what_they_were(site: Site) -> None:
    limit(site, budget=Budget(10_000_000, Measure.BYTE))
    site.ask()
    left = int(site.ask().headers["x-ratelimit-remaining-bytes"])
    spent = sum(int(each["bi"]["N"]) + int(each["bo"]["N"]) for each in site.charges())
    assert 0 < 10_000_000 - left < 10 * spent


def test_two_environments_never_spend_more_than_the_budget(site: Site) -> None:
    limit(site, budget=Budget(11))
    handlers = [site.handler, site.cloud.function("infer").handler]
    statuses = []
    for number in range(12):
        site.handler = handlers[number % 2]
        statuses.append(site.ask().status)
    assert statuses.count(200) == len(site.charges()) <= 11 // UNITS
    assert statuses.count(200) >= 4
    assert set(statuses) <= {200, 402, 429}


def test_two_environments_share_a_rate(site: Site) -> None:
    limit(site, rate=Rate(0.01, 4))
    handlers = [site.handler, site.cloud.function("infer").handler]
    statuses = []
    for number in range(10):
        site.handler = handlers[number % 2]
        statuses.append(site.ask().status)
    assert sorted(statuses) == [200] * 4 + [429] * 6


def test_without_limits_nothing_is_told_of_them(site: Site) -> None:
    assert not [name for name in site.ask().headers if "ratelimit" in name]


def sdk(site: Site, retries: int) -> tuple[openai.OpenAI, list[Answer]]:
    """OpenAI's SDK with the handler for a server, and what it was answered."""
    answers: list[Answer] = []

    def serve(request: httpx2.Request) -> httpx2.Response:
        answer = site.ask(
            request.method, request.url.path, body=request.content, headers=dict(request.headers)
        )
        answers.append(answer)
        return httpx2.Response(answer.status, headers=answer.headers, content=answer.body)

    client = openai.OpenAI(
        base_url="https://api/v1",
        api_key=site.key.text(),
        max_retries=retries,
        http_client=httpx2.Client(transport=httpx2.MockTransport(serve)),
    )
    return client, answers


@pytest.fixture
def encoders(site: Site) -> Site:
    publish(site, write_encoder(site.folder / "encoder"))
    return site


def test_openais_sdk_waits_as_told_and_is_served(encoders: Site) -> None:
    limit(encoders, rate=Rate(4, 1))
    client, answers = sdk(encoders, retries=2)
    for _ in range(2):
        client.embeddings.create(model="encoder", input="cat")
    assert [answer.status for answer in answers] == [200, 429, 200]


def test_openais_sdk_knows_a_rate_limit(encoders: Site) -> None:
    limit(encoders, rate=Rate(0.01, 1))
    client, _ = sdk(encoders, retries=0)
    client.embeddings.create(model="encoder", input="cat")
    with pytest.raises(openai.RateLimitError) as caught:
        client.embeddings.create(model="encoder", input="cat")
    error = caught.value
    assert (error.type, error.code, error.param) == (
        "rate_limit_error",
        "rate_limit_exceeded",
        None,
    )
    assert error.response.headers["x-ratelimit-remaining-requests"] == "0"
    assert error.response.headers["x-ratelimit-reset-requests"] == "1m40s"


def test_openais_sdk_does_not_retry_what_is_spent(encoders: Site) -> None:
    limit(encoders, budget=Budget(4, Measure.TOKEN))
    client, answers = sdk(encoders, retries=5)
    client.embeddings.create(model="encoder", input="the cat")
    with pytest.raises(openai.APIStatusError) as caught:
        client.embeddings.create(model="encoder", input="the cat")
    assert caught.value.status_code == 402
    assert caught.value.code == "insufficient_quota"
    assert caught.value.response.headers["x-ratelimit-remaining-tokens"] == "0"
    assert [answer.status for answer in answers] == [200, 402]


def test_tritonclient_reads_the_refusal(site: Site) -> None:
    limit(site, rate=Rate(0.01, 1))
    site.ask()
    answer = site.ask()
    response = SimpleNamespace(status_code=answer.status, read=lambda: answer.body)
    with pytest.raises(InferenceServerException, match="rate limit of the key") as caught:
        _raise_if_error(response)
    assert caught.value.status() == "429"
