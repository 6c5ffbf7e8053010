"""Stream events through the real archiver, over moto."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from infermeter.errors import StoreUnavailable
from infermeter.metering.findings import FindingKind
from infermeter.metering.fold import fold, fold_lines
from infermeter.metering.hours import after
from infermeter.metering.ids import RequestId
from infermeter.metering.ledger import Kind
from tests.functions.books import Books, at, stream_event
from tests.unit.metering.test_fold import HOUR, charge

if TYPE_CHECKING:
    from typing import Any

    from tests.cloud import Cloud

TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
ENTRIES = [
    charge(1),
    charge(2, tenant="b", lease="l", price="pro:1", tokens=7),
    charge(request_id=RequestId("order#17/a", None)),
    replace(charge(1, kind=Kind.ADJUSTMENT, units=-1, requests=0, reason="why"), number=2),
    charge(1, kind=Kind.CARRY),
    at(1, 4),
]


@pytest.fixture
def books(cloud: Cloud) -> Books:
    return Books(cloud)


def names(books: Books) -> list[str]:
    listed = boto3.client("s3").list_objects_v2(Bucket=books.cloud.resources.archive_bucket)
    return [each["Key"] for each in listed.get("Contents", ())]


def test_what_was_put_is_what_is_folded(books: Books) -> None:
    books.put(*ENTRIES)
    assert books.archive() == {"batchItemFailures": []}
    for hour in (HOUR, after(HOUR)):
        archived = fold_lines(hour, books.cloud.wiring.archive.lines(hour))
        for tenant in {entry.tenant for entry in ENTRIES if hour == HOUR or entry is ENTRIES[-1]}:
            table = books.cloud.wiring.ledger_reader.committed(tenant, hour)
            assert archived[tenant] == fold(tenant, hour, table) == fold(tenant, hour, ENTRIES)


def test_a_batch_delivered_again_is_the_same_objects(books: Books) -> None:
    books.put(*ENTRIES)
    books.archive()
    first = names(books)
    books.archive()
    assert names(books) == first
    assert len(first) == 2


def test_a_modification_is_logged_and_found(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    books.put(charge(1))
    books.archive(stream_event(*books.cloud.ledger_items(), name="MODIFY"))
    (told,) = [each for each in caplog.records if each.message == "the ledger was changed"]
    assert (told.levelname, told.finding["change"]) == ("ERROR", "MODIFY")
    (found,) = books.cloud.wiring.findings.of_kind(FindingKind.MODIFIED, 0, 2**33)
    assert (found.tenant, found.at) == ("a", 1_790_000_000)
    assert names(books) == []


@pytest.mark.parametrize(
    ("more", "count"), [({"userIdentity": TTL}, 0), ({}, 1), ({"userIdentity": {"type": "x"}}, 1)]
)
def test_only_the_time_to_live_removes(books: Books, more: dict[str, Any], count: int) -> None:
    books.put(charge(1))
    books.archive(stream_event(*books.cloud.ledger_items(), name="REMOVE", **more))
    findings = books.cloud.wiring.findings
    assert len(list(findings.of_kind(FindingKind.MODIFIED, 0, 2**33))) == count
    assert names(books) == []


def test_a_bucket_that_does_not_answer_has_the_batch_delivered_again(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="archive")

    books.put(charge(1))
    books.archive(stream_event())
    client = books.functions["archive"].archiver._archive._client
    with monkeypatch.context() as patched:
        patched.setattr(client, "put_object", refuse)
        with pytest.raises(StoreUnavailable):
            books.archive()
    books.archive()
    assert len(names(books)) == 1
