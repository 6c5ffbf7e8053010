"""What a tenant may put, and which URIs its requests may name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import ForeignObject, InvalidField, InvalidRequest, TooLarge
from infermeter.transfers.uploads import UPLOAD_LIFETIME_S, Reading, Uploads
from infermeter.wire.limits import MAX_UPLOAD_BYTES
from tests.ports import NOW, Clock, MemoryInputs


@pytest.fixture
def inputs() -> MemoryInputs:
    return MemoryInputs("inputs", {"acme/a": b"mine", "acme2/a": b"theirs", "a": b"nobody's"})


@pytest.fixture
def reading(inputs: MemoryInputs) -> Reading:
    return Uploads(inputs, Clock()).reading("acme")


def test_an_offer_is_of_a_place_of_its_own_below_the_tenant(inputs: MemoryInputs) -> None:
    uploads = Uploads(inputs, Clock())
    first, second = uploads.offer("acme", 5), uploads.offer("acme", 5)
    assert first.uri != second.uri
    assert first.uri.startswith("s3://inputs/acme/uploads/")
    assert first.size == 5
    assert first.expires_at == NOW + UPLOAD_LIFETIME_S


def test_what_was_offered_may_be_named(inputs: MemoryInputs) -> None:
    uploads = Uploads(inputs, Clock())
    uri = uploads.offer("acme", 5).uri
    inputs.contents[uri.removeprefix("s3://inputs/")] = b"12345"
    assert uploads.reading("acme").fetch(uri) == b"12345"


@pytest.mark.parametrize(
    "uri",
    [
        "s3://inputs/acme2/a",
        "s3://inputs/a",
        "s3://inputs/acme",
        "s3://inputs/acme/",
        "s3://inputs/acme/../acme2/a",
        "s3://inputs/acme/./a",
        "s3://inputs/acme//a",
        "s3://inputs/acme/a/",
        "s3://inputs/acme/a\n",
        "s3://inputs/acme/" + "a" * 1020,
        "s3://others/acme/a",
        "S3://inputs/acme/a",
        "https://inputs.s3.amazonaws.com/acme/a",
        "/etc/passwd",
        "",
    ],
)
def test_what_is_not_the_tenants_own_is_refused_unread(
    inputs: MemoryInputs, reading: Reading, uri: str
) -> None:
    with pytest.raises(
        ForeignObject, match="expected the URI of an object below 's3://inputs/acme/"
    ):
        reading.fetch(uri)
    assert not inputs.reads


@given(st.text() | st.text().map(lambda path: f"s3://inputs/acme/{path}"))
def test_nothing_outside_the_prefix_is_ever_read(uri: str) -> None:
    inputs = MemoryInputs()
    with pytest.raises(InvalidRequest):
        Uploads(inputs, Clock()).reading("acme").fetch(uri)
    assert all(key.startswith("acme/") and ".." not in key.split("/") for key in inputs.reads)


def test_where_nothing_lies_the_caller_is_told(reading: Reading) -> None:
    with pytest.raises(InvalidField, match="input_uri: expected an upload, PUT before"):
        reading.fetch("s3://inputs/acme/b")


def test_one_request_reads_so_much_in_all(inputs: MemoryInputs, reading: Reading) -> None:
    inputs.contents["acme/half"] = bytes(MAX_UPLOAD_BYTES // 2)
    reading.fetch("s3://inputs/acme/half")
    reading.fetch("s3://inputs/acme/half")
    assert reading.size == MAX_UPLOAD_BYTES
    with pytest.raises(TooLarge):
        reading.fetch("s3://inputs/acme/a")


def test_digests_tell_contents_and_their_order_apart(inputs: MemoryInputs) -> None:
    inputs.contents |= {"acme/b": b"other", "acme/c": b"mine"}
    uploads = Uploads(inputs, Clock())

    def digests(*names: str) -> list[bytes]:
        reading = uploads.reading("acme")
        for name in names:
            reading.fetch(f"s3://inputs/acme/{name}")
        return reading.digests

    assert digests("a", "b") == digests("c", "b")
    assert digests("a", "b") != digests("b", "a")
    assert digests("a") != digests("b")
