"""Clients: how long they wait, and their failures as errors of the domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from infermeter.adapters.clients import translated
from infermeter.errors import StoreUnavailable

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
