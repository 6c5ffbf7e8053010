"""What is sent to each vendor, against its own description, and what its answers mean."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import botocore.session
import jsonschema_rs
import pytest
from botocore.validate import ParamValidator

from infermeter.errors import StoreUnavailable
from infermeter.export.configuration import Target, TargetKind
from infermeter.export.files import CsvFiles, place_of
from infermeter.export.marketplace import Marketplace
from infermeter.export.openmeter import OpenMeter
from infermeter.export.outbox import Row, payload_id
from infermeter.export.stripe import Stripe
from infermeter.export.vendors import Answer, Post, Silence, Verdict, verdict_of
from tests.cloud import ROOT
from tests.ports import Clock
from tests.ports_export import FIRST, LICENCE, START, TOKEN, MemoryUsage

if TYPE_CHECKING:
    from collections.abc import Sequence

SHAPES = ROOT / "tests" / "export"
ROW = Row("there", "acme", FIRST, "rows", 5, "cus_1", payload_id("infermeter", "a"), attempts=1)


def shape(name: str) -> Any:
    return json.loads((SHAPES / f"{name}.json").read_text())


def check(name: str, document: object) -> None:
    jsonschema_rs.Draft202012Validator(shape(name), validate_formats=True).validate(document)


class Wire:
    """A poster that answers one thing."""

    def __init__(self, *answers: Answer | Silence) -> None:
        self.answers, self.posts = list(answers), []

    def __call__(self, post: Post) -> Answer | Silence:
        self.posts.append(post)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def stripe(*answers: Answer | Silence) -> tuple[Stripe, Wire]:
    wire = Wire(*answers)
    target = Target("there", TargetKind.STRIPE, url="https://api.stripe.com")
    return Stripe(target, lambda: TOKEN, wire), wire


def openmeter(*answers: Answer | Silence) -> tuple[OpenMeter, Wire]:
    wire = Wire(*answers)
    target = Target("there", TargetKind.OPENMETER, url="https://om.example", source="prod")
    return OpenMeter(target, lambda: TOKEN, wire), wire


def test_a_stripe_event_is_as_its_reference_has_it() -> None:
    vendor, wire = stripe(Answer(200, b"{}"))
    (delivery,) = vendor.deliver([ROW])
    assert delivery.verdict is Verdict.COUNTED
    (post,) = wire.posts
    assert post.url == "https://api.stripe.com/v1/billing/meter_events"
    fields = dict(parse_qsl(post.body.decode()))
    check("stripe_meter_event", fields)
    assert fields == {
        "event_name": "rows",
        "payload[stripe_customer_id]": "cus_1",
        "payload[value]": "5",
        "timestamp": str(int(START)),
        "identifier": ROW.payload_id,
    }
    assert post.headers == {
        "authorization": f"Bearer {TOKEN}",
        "content-type": "application/x-www-form-urlencoded",
        "idempotency-key": f"{ROW.payload_id}-1",
        "stripe-version": "2025-04-30.basil",
    }


def test_another_attempt_asks_stripe_anew_under_the_same_identifier() -> None:
    vendor, wire = stripe(Answer(200, b"{}"))
    vendor.deliver([ROW])
    vendor.deliver([replace(ROW, attempts=2)])
    first, second = wire.posts
    assert first.body == second.body
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]


def test_stripe_refuses_what_it_has_counted() -> None:
    vendor, _ = stripe(Answer(400, (SHAPES / "stripe_duplicate.json").read_bytes()))
    (delivery,) = vendor.deliver([ROW])
    assert delivery.verdict is Verdict.COUNTED


def test_stripe_refuses_a_customer() -> None:
    vendor, _ = stripe(Answer(400, b'{"error": {"message": "No such customer"}}'))
    (delivery,) = vendor.deliver([ROW])
    assert delivery.verdict is Verdict.REFUSED
    assert "No such customer" in delivery.note


def test_a_batch_of_events_is_as_cloudevents_has_it() -> None:
    vendor, wire = openmeter(Answer(204, b""))
    rows = [ROW, replace(ROW, meter="requests", quantity=-2, payload_id="im-2")]
    assert [each.verdict for each in vendor.deliver(rows)] == [Verdict.COUNTED] * 2
    (post,) = wire.posts
    assert post.url == "https://om.example/api/v1/events"
    assert post.headers["content-type"] == "application/cloudevents-batch+json"
    assert post.headers["authorization"] == f"Bearer {TOKEN}"
    events = json.loads(post.body)
    check("cloudevents_batch", events)
    assert events[0] == {
        "specversion": "1.0",
        "id": ROW.payload_id,
        "source": "prod",
        "type": "rows",
        "subject": "cus_1",
        "time": "2026-09-21T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {"value": 5, "tenant": "acme", "hour": FIRST},
    }
    assert events[1]["data"]["value"] == -2


def test_a_refused_batch_is_sent_one_by_one() -> None:
    vendor, wire = openmeter(Answer(400, b"bad"), Answer(204, b""), Answer(400, b"bad"))
    verdicts = [each.verdict for each in vendor.deliver([ROW, replace(ROW, customer="x")])]
    assert verdicts == [Verdict.COUNTED, Verdict.REFUSED]
    assert [len(json.loads(post.body)) for post in wire.posts] == [2, 1, 1]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(200, b""), Verdict.COUNTED),
        (Answer(204, b""), Verdict.COUNTED),
        (Answer(301, b""), Verdict.DEFERRED),
        (Answer(400, b""), Verdict.REFUSED),
        (Answer(401, b""), Verdict.DEFERRED),
        (Answer(404, b""), Verdict.REFUSED),
        (Answer(409, b""), Verdict.UNKNOWN),
        (Answer(429, b""), Verdict.DEFERRED),
        (Answer(500, b""), Verdict.UNKNOWN),
        (Answer(503, b""), Verdict.UNKNOWN),
        (Silence("cannot connect", False), Verdict.DEFERRED),
        (Silence("no answer", True), Verdict.UNKNOWN),
    ],
)
def test_an_answers_meaning(answer: Answer | Silence, verdict: Verdict) -> None:
    assert verdict_of(answer) is verdict


@cache
def operation() -> Any:
    model = botocore.session.get_session().get_service_model("meteringmarketplace")
    return model.operation_model("BatchMeterUsage")


def answered(*statuses: str, unprocessed: Sequence[int] = ()) -> Any:
    """A metering that answers each record so, and checks the request against botocore's model."""
    requests = []

    def call(request: dict[str, Any]) -> dict[str, Any]:
        report = ParamValidator().validate(request, operation().input_shape)
        assert not report.has_errors(), report.generate_report()
        requests.append(request)
        records = request["UsageRecords"]
        results = [
            {"UsageRecord": record, "Status": status, "MeteringRecordId": "id"}
            for record, status in zip(records, statuses, strict=False)
        ]
        return {"Results": results, "UnprocessedRecords": [records[i] for i in unprocessed]}

    call.requests = requests
    return call


def marketplace(meter: Any) -> Marketplace:
    return Marketplace(Target("there", TargetKind.MARKETPLACE, product="abc"), meter)


def test_marketplaces_terms_are_those_of_its_model() -> None:
    records = operation().input_shape.members["UsageRecords"]
    quantity = records.member.members["Quantity"]
    assert Marketplace.terms.batch == records.metadata["max"] == 25
    assert Marketplace.terms.largest == quantity.metadata["max"]
    assert quantity.metadata["min"] == 0
    statuses = operation().output_shape.members["Results"].member.members["Status"].enum
    assert sorted(statuses) == ["CustomerNotSubscribed", "DuplicateRecord", "Success"]


def test_a_record_with_a_licence_names_no_product() -> None:
    meter = answered("Success")
    row = replace(ROW, customer="123456789012", licence=LICENCE)
    (delivery,) = marketplace(meter).deliver([row])
    assert (delivery.verdict, delivery.note) == (Verdict.COUNTED, "id")
    (request,) = meter.requests
    assert "ProductCode" not in request
    (record,) = request["UsageRecords"]
    assert record["LicenseArn"] == LICENCE
    assert record["CustomerAWSAccountId"] == "123456789012"
    assert record["Timestamp"].isoformat() == "2026-09-21T12:00:00+00:00"


@pytest.mark.parametrize(
    ("customer", "field"),
    [("123456789012", "CustomerAWSAccountId"), ("cust-1", "CustomerIdentifier")],
)
def test_a_record_without_a_licence_names_the_product(customer: str, field: str) -> None:
    meter = answered("Success")
    marketplace(meter).deliver([replace(ROW, customer=customer)])
    (request,) = meter.requests
    assert request["ProductCode"] == "abc"
    assert request["UsageRecords"][0][field] == customer


def test_both_kinds_of_record_go_apart() -> None:
    meter = answered("Success")
    rows = [ROW, replace(ROW, customer="123456789012", licence=LICENCE)]
    assert len(marketplace(meter).deliver(rows)) == 2
    assert [len(request["UsageRecords"]) for request in meter.requests] == [1, 1]


def test_each_record_has_its_own_fate() -> None:
    rows = [replace(ROW, meter=f"m{i}", payload_id=f"im-{i}") for i in range(5)]
    meter = answered("Success", "CustomerNotSubscribed", "DuplicateRecord", unprocessed=[3])
    verdicts = [delivery.verdict for delivery in marketplace(meter).deliver(rows)]
    refused = Verdict.REFUSED
    assert verdicts == [Verdict.COUNTED, refused, refused, Verdict.DEFERRED, Verdict.UNKNOWN]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(400, b"ThrottlingException: slow"), Verdict.DEFERRED),
        (Answer(400, b"AccessDeniedException: no"), Verdict.DEFERRED),
        (Answer(400, b"TimestampOutOfBoundsException: old"), Verdict.REFUSED),
        (Answer(500, b"InternalServerErrorException: oh"), Verdict.UNKNOWN),
        (Silence("ReadTimeoutError", True), Verdict.UNKNOWN),
    ],
)
def test_marketplaces_errors(answer: Answer | Silence, verdict: Verdict) -> None:
    (delivery,) = marketplace(lambda _: answer).deliver([ROW])
    assert delivery.verdict is verdict


def sealed() -> MemoryUsage:
    usage = MemoryUsage(Clock(START + 7200))
    usage.add("acme", FIRST, 5, model="tabular")
    usage.add("acme", FIRST, -2, model="a,b")
    usage.add("other", FIRST, 9)
    return usage


def test_a_file_has_the_hours_rows() -> None:
    written: dict[str, bytes] = {}
    vendor = CsvFiles(sealed(), written.__setitem__)
    (delivery,) = vendor.deliver([replace(ROW, meter="usage")])
    assert delivery.verdict is Verdict.COUNTED
    assert written == {
        "exports/csv/acme/2026/09/21/12.csv": (
            b"hour,tenant,key,model,version,unit,price,"
            b"requests,units,rows,tokens,bytes_in,bytes_out,milliseconds\n"
            b'2026092112,acme,key,"a,b",1,row,,1,-2,-2,0,0,0,0\n'
            b"2026092112,acme,key,tabular,1,row,,1,5,5,0,0,0,0\n"
        )
    }


def test_a_file_written_again_is_the_same_bytes() -> None:
    usage, written = sealed(), []
    for _ in range(2):
        CsvFiles(usage, lambda key, content: written.append((key, content))).deliver([ROW])
        usage.used.reverse()
    assert written[0] == written[1]
    assert written[0][0] == place_of(ROW)


def test_a_bucket_that_does_not_answer() -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("archive bucket: down; retry")

    (delivery,) = CsvFiles(sealed(), fail).deliver([ROW])
    assert delivery.verdict is Verdict.UNKNOWN
