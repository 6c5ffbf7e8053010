"""AWS Marketplace's API behind botocore's own stub."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.stub import Stubber

from infermeter.adapters.clients import Clients
from infermeter.adapters.marketplace import MarketplaceMetering
from infermeter.export.configuration import Target, TargetKind
from infermeter.export.marketplace import Marketplace
from infermeter.export.outbox import Row
from infermeter.export.vendors import Answer, Silence, Verdict
from tests.ports_export import FIRST, LICENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORD = {
    "Timestamp": datetime(2026, 9, 21, 12, tzinfo=UTC),
    "Dimension": "rows",
    "Quantity": 5,
    "LicenseArn": LICENCE,
    "CustomerAWSAccountId": "123456789012",
}
REQUEST = {"UsageRecords": [RECORD]}


@pytest.fixture
def stub() -> Iterator[tuple[Stubber, MarketplaceMetering]]:
    client = boto3.client(
        "meteringmarketplace",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    with Stubber(client) as stubber:
        yield stubber, MarketplaceMetering(client)


Stub = tuple[Stubber, MarketplaceMetering]


def test_a_row_is_recorded(stub: Stub) -> None:
    stubber, metering = stub
    result = {"UsageRecord": RECORD, "MeteringRecordId": "m-1", "Status": "Success"}
    answer = {"Results": [result], "UnprocessedRecords": []}
    stubber.add_response("batch_meter_usage", answer, REQUEST)
    vendor = Marketplace(Target("there", TargetKind.MARKETPLACE), metering)
    row = Row("there", "acme", FIRST, "rows", 5, "123456789012", "im-1", licence=LICENCE)
    (delivery,) = vendor.deliver([row])
    assert (delivery.verdict, delivery.note) == (Verdict.COUNTED, "m-1")
    stubber.assert_no_pending_responses()


def test_an_error_is_an_answer(stub: Stub) -> None:
    stubber, metering = stub
    code = "TimestampOutOfBoundsException"
    stubber.add_client_error("batch_meter_usage", code, "too old", 400)
    assert metering(REQUEST) == Answer(400, b"TimestampOutOfBoundsException: too old")


def test_what_the_model_does_not_allow_is_not_sent(stub: Stub) -> None:
    stubber, metering = stub
    stubber.deactivate()  # it is asked before the model is
    record: dict[str, Any] = RECORD | {"Quantity": -1}
    answer = metering({"UsageRecords": [record]})
    assert isinstance(answer, Answer)
    assert answer.status == 400


@pytest.mark.parametrize(
    ("error", "reached"),
    [
        (EndpointConnectionError(endpoint_url="there"), False),
        (ReadTimeoutError(endpoint_url="there"), True),
    ],
)
def test_silence(error: Exception, reached: bool) -> None:
    class Client:
        def batch_meter_usage(self, **_: Any) -> None:
            raise error

    answer = MarketplaceMetering(Client())(REQUEST)
    assert isinstance(answer, Silence)
    assert answer.reached is reached


def test_a_target_may_be_in_another_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert Clients().marketplace("us-east-1").meta.region_name == "us-east-1"
    assert Clients().marketplace().meta.region_name == "eu-west-1"
    through_boto3 = Clients(boto3.Session(region_name="eu-west-1").client)
    assert through_boto3.marketplace("us-east-1").meta.region_name == "us-east-1"
