"""Bodies of `/v2/uploads`."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import InfermeterError, InvalidField, MalformedBody, TooLarge
from infermeter.transfers.answers import StoredAnswer
from infermeter.transfers.uploads import SignedPut, Upload
from infermeter.wire.limits import MAX_UPLOAD_BYTES
from infermeter.wire.uploads import decode_upload_request, encode_upload, output_parameters
from tests.ports import NOW
from tests.strategies import json_values


@given(st.integers(1, MAX_UPLOAD_BYTES))
def test_a_size_is_read(size: int) -> None:
    assert decode_upload_request(orjson.dumps({"size": size})) == size


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "5", None, [], {}])
def test_what_is_no_size_is_refused(size: object) -> None:
    with pytest.raises(InvalidField, match="size: expected a number of bytes from 1, got"):
        decode_upload_request(orjson.dumps({"size": size}))


def test_a_size_over_the_limit_is_too_large() -> None:
    with pytest.raises(TooLarge, match=f"at most {MAX_UPLOAD_BYTES} bytes"):
        decode_upload_request(orjson.dumps({"size": MAX_UPLOAD_BYTES + 1}))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        decode_upload_request(body)


@given(json_values | st.dictionaries(st.just("size"), json_values))
def test_any_json_is_a_size_or_an_error_of_the_domain(value: object) -> None:
    try:
        assert 1 <= decode_upload_request(orjson.dumps(value)) <= MAX_UPLOAD_BYTES
    except InfermeterError:
        return


def test_an_upload_says_what_to_send_where_and_until_when() -> None:
    upload = Upload(SignedPut("https://u", {"if-none-match": "*"}), "s3://b/acme/u", 5, NOW)
    assert encode_upload(upload) == {
        "upload_url": "https://u",
        "method": "PUT",
        "headers": {"if-none-match": "*"},
        "input_uri": "s3://b/acme/u",
        "size": 5,
        "expires_at": "2026-09-21T14:13:20Z",
    }


def test_a_stored_answer_says_where_it_lies() -> None:
    assert output_parameters(StoredAnswer("https://u", 5, NOW)) == {
        "output_uri": "https://u",
        "output_bytes": 5,
        "output_expires_at": "2026-09-21T14:13:20Z",
    }
