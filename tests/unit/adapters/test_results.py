"""Results of queued requests in S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infermeter.adapters.results import S3Results, result_key
from infermeter.errors import RequestIdReused
from infermeter.metering.ids import RequestId, derive_id

if TYPE_CHECKING:
    from tests.cloud import Cloud

OPAQUE = RequestId("order 17/ż", None)


class Shelf:
    """The results bucket, looked at under one id."""

    def __init__(self, cloud: Cloud) -> None:
        self.s3, self.bucket = cloud.wiring.clients.s3(), cloud.resources.results_bucket
        self.results = S3Results(self.s3, self.bucket)

    def write(self, document: bytes, payload_hash: str = "h1", version: str = "1") -> str:
        return self.results.write("acme", OPAQUE, document, payload_hash, version)

    def fail(self, document: bytes, payload_hash: str = "h1") -> None:
        self.results.write_failure("acme", OPAQUE, document, payload_hash)

    def retract(self, document: bytes, payload_hash: str = "h1") -> bool:
        return self.results.retract("acme", OPAQUE, document, payload_hash)

    def standing(self) -> bytes:
        key = result_key("acme", OPAQUE)
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()


@pytest.fixture
def shelf(cloud: Cloud) -> Shelf:
    return Shelf(cloud)


def test_a_result_lies_under_its_ids_day() -> None:
    request_id = derive_id(1_790_000_000_000, "seed")
    assert result_key("acme", request_id) == f"acme/2026/09/21/{request_id.text}.json"


def test_an_opaque_ids_result_lies_under_its_hash() -> None:
    place = f"acme/{OPAQUE.sha256()[:2]}/order%2017%2F%C5%BC.json"
    assert result_key("acme", OPAQUE) == place


def test_the_first_answer_stands(shelf: Shelf) -> None:
    shelf.write(b"first")
    assert shelf.write(b"second", version="2") == "1"
    assert shelf.standing() == b"first"


def test_a_failure_does_not_replace_an_answer(shelf: Shelf) -> None:
    shelf.write(b"answer")
    shelf.fail(b"failure")
    assert shelf.standing() == b"answer"


@pytest.mark.parametrize("payload_hash", ["h1", "h2"])
def test_a_failure_gives_way_to_an_answer(shelf: Shelf, payload_hash: str) -> None:
    shelf.fail(b"failure")
    shelf.write(b"answer", payload_hash)
    assert shelf.standing() == b"answer"


def test_another_payloads_answer_is_not_given_for_this_one(shelf: Shelf) -> None:
    shelf.write(b"first")
    with pytest.raises(RequestIdReused):
        shelf.write(b"other", "h2")
    assert shelf.standing() == b"first"


def test_an_answer_is_retracted_by_its_own_payload_alone(shelf: Shelf) -> None:
    shelf.write(b"answer")
    assert not shelf.retract(b"failure", "h2")
    assert shelf.standing() == b"answer"
    assert shelf.retract(b"failure")
    assert shelf.standing() == b"failure"


def test_after_a_retraction_an_answer_may_come(shelf: Shelf) -> None:
    shelf.write(b"answer")
    shelf.retract(b"failure")
    shelf.write(b"other", "h2")
    assert shelf.standing() == b"other"
