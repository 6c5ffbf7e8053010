"""Clients: how long they wait, and their failures as errors of the domain."""

from __future__ import annotations

import socket
import time
from functools import partial
from typing import TYPE_CHECKING

import botocore.session
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from infermeter.adapters.clients import Clients, translated
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


def test_a_put_gives_up_within_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        factory = partial(
            botocore.session.get_session().create_client,
            region_name="eu-west-1",
            endpoint_url=f"http://127.0.0.1:{silent.getsockname()[1]}",
        )
        client = Clients(factory).dynamodb(prompt=True)
        started = time.perf_counter()
        with pytest.raises(ReadTimeoutError):
            client.put_item(TableName="ledger", Item={"pk": {"S": "a"}})
        assert time.perf_counter() - started < PUT_BUDGET_S
        assert client.meta.config.retries["total_max_attempts"] == 2


def test_two_attempts_and_the_pause_between_them_fit_the_puts_budget(cloud: Cloud) -> None:
    config = cloud.wiring.clients.dynamodb(prompt=True).meta.config
    pause_s = 0.05
    assert 2 * (config.connect_timeout + config.read_timeout) + pause_s <= PUT_BUDGET_S
