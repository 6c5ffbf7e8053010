"""Clients: how long they wait, and their failures as errors of the domain."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from infermeter.adapters.clients import Clients, translated
from infermeter.adapters.items import to_item
from infermeter.errors import StoreUnavailable
from infermeter.service import PUT_BUDGET_S

if TYPE_CHECKING:
    from tests.cloud import Cloud


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ClientError({"Error": {"Code": "Throttled"}}, "Get"), "a table: Throttled; retry"),
        (EndpointConnectionError(endpoint_url="x"), "a table: EndpointConnectionError; retry"),
    ],
)
def test_a_failure_names_what_did_not_answer(error: Exception, message: str) -> None:
    with pytest.raises(StoreUnavailable) as caught, translated("a table"):
        raise error
    assert str(caught.value) == message


def test_clients_are_made_once(cloud: Cloud) -> None:
    clients = cloud.wiring.clients
    assert clients.dynamodb() is clients.dynamodb()
    assert clients.dynamodb(prompt=True) is not clients.dynamodb()


def test_the_pepper_is_read_once(cloud: Cloud) -> None:
    pepper = cloud.wiring.pepper
    assert pepper() == b"p" * 64
    cloud.wiring.clients.secrets().put_secret_value(
        SecretId=cloud.resources.pepper_secret, SecretString="other"
    )
    assert pepper() == b"p" * 64


def test_pages_of_items_are_what_botocore_makes_of_them(cloud: Cloud) -> None:
    plain, ours = boto3.client("dynamodb"), cloud.wiring.clients.dynamodb()
    values = {"n": -7, "s": "\u20ac\n", "m": {"a": [1, "b"]}}
    for number in range(3):
        item = to_item({"pk": "p", "sk": str(number), **values})
        plain.put_item(TableName="usage", Item=item)
    question = {
        "TableName": "usage",
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "p"}},
        "PaginationConfig": {"PageSize": 2},
    }
    theirs, mine = (
        [
            {name: page[name] for name in page if name != "ResponseMetadata"}
            for page in client.get_paginator("query").paginate(**question)
        ]
        for client in (plain, ours)
    )
    assert mine == theirs
    assert [len(page["Items"]) for page in mine] == [2, 1]
    with pytest.raises(ours.exceptions.ResourceNotFoundException):
        list(ours.get_paginator("query").paginate(**question | {"TableName": "none"}))


@pytest.mark.parametrize(("service", "attempts"), [("dynamodb", 2), ("sqs", 1)])
def test_a_prompt_client_gives_up(
    monkeypatch: pytest.MonkeyPatch, service: str, attempts: int
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        factory = partial(
            botocore.session.get_session().create_client,
            region_name="eu-west-1",
            endpoint_url=url,
        )
        client = getattr(Clients(factory), service)(prompt=True)
        sent: list[object] = []
        client.meta.events.register("before-send", lambda **_: sent.append(None))
        calls = {
            "dynamodb": lambda: client.put_item(TableName="ledger", Item={"pk": {"S": "a"}}),
            "sqs": lambda: client.send_message(QueueUrl=f"{url}/1/q", MessageBody="x"),
        }
        with pytest.raises(ReadTimeoutError):
            calls[service]()
        assert len(sent) == attempts


def test_the_ledgers_attempts_and_then_the_spools_fit_the_puts_budget(cloud: Cloud) -> None:
    clients, pause_s = cloud.wiring.clients, 0.05
    ledger, spool = (
        client.meta.config for client in (clients.dynamodb(prompt=True), clients.sqs(prompt=True))
    )
    assert (ledger.retries["total_max_attempts"], spool.retries["total_max_attempts"]) == (2, 1)
    ledger_s = 2 * (ledger.connect_timeout + ledger.read_timeout) + pause_s
    spool_s = spool.connect_timeout + spool.read_timeout
    assert ledger_s <= 2
    assert spool_s < 1
    assert ledger_s + spool_s < PUT_BUDGET_S
