"""Presigned URLs: what was signed is held to, and the one who holds the URL needs no key."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import urllib3
from botocore.config import Config

from infra.local.credentials import local_session

if TYPE_CHECKING:
    from tests.infra.local.running import Local

BODY = bytes(range(256)) * 40
NEW = {"If-None-Match": "*"}


def presign(local: Local, operation: str, key: str, *, seconds: int = 60, **params: object) -> str:
    client = local_session().client(
        "s3", endpoint_url=local.record.endpoint, config=Config(signature_version="s3v4")
    )
    place = {"Bucket": local.outputs["Bucket"], "Key": key, **params}
    return client.generate_presigned_url(operation, Params=place, ExpiresIn=seconds)


def put(url: str, body: bytes = BODY, headers: dict[str, str] = NEW) -> urllib3.BaseHTTPResponse:
    return urllib3.request("PUT", url, body=body, headers=headers, retries=False)


@pytest.fixture
def key() -> str:
    return f"uploads/{uuid4()}"


def test_what_is_put_can_be_got(local: Local, key: str):
    url = presign(local, "put_object", key, ContentLength=len(BODY), IfNoneMatch="*")
    assert put(url).status == 200
    answer = urllib3.request("GET", presign(local, "get_object", key))
    assert (answer.status, answer.data) == (200, BODY)


def test_an_object_is_put_once(local: Local, key: str):
    url = presign(local, "put_object", key, ContentLength=len(BODY), IfNoneMatch="*")
    assert [put(url).status, put(url).status] == [200, 412]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(BODY + b"x", NEW, id="another length"),
        pytest.param(BODY, {}, id="a signed header is missing"),
        pytest.param(BODY, {"If-None-Match": "x"}, id="a signed header has another value"),
    ],
)
def test_what_was_not_signed_is_refused(
    local: Local, key: str, body: bytes, headers: dict[str, str]
):
    url = presign(local, "put_object", key, ContentLength=len(BODY), IfNoneMatch="*")
    answer = put(url, body, headers)
    assert answer.status == 403
    assert b"SignatureDoesNotMatch" in answer.data


def test_a_signed_checksum_is_checked(local: Local, key: str):
    checksum = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    url = presign(local, "put_object", key, ContentLength=len(BODY), ChecksumSHA256=checksum)
    headers = {"x-amz-checksum-sha256": checksum}
    assert put(url, BODY[::-1], headers).status == 400
    assert put(url, BODY, headers).status == 200


def test_signed_metadata_is_held_to(local: Local, key: str):
    url = presign(local, "put_object", key, Metadata={"tenant": "acme"})
    assert put(url, headers={"x-amz-meta-tenant": "other"}).status == 403
    assert put(url, headers={"x-amz-meta-tenant": "acme"}).status == 200


def test_a_url_is_for_one_object(local: Local, key: str):
    url = presign(local, "put_object", key, ContentLength=len(BODY), IfNoneMatch="*")
    assert put(url.replace(key, "uploads/other")).status == 403


def test_a_url_expires(local: Local, key: str):
    url = presign(local, "put_object", key, seconds=1)
    time.sleep(2)
    answer = put(url, headers={})
    assert answer.status == 403
    assert b"Request has expired" in answer.data


def test_a_functions_url_is_reached_from_outside(local: Local):
    bucket = local.outputs["Bucket"]
    urls = urllib3.request("GET", f"{local.url}/presigned", fields={"bucket": bucket}).json()
    assert put(urls["put"], b"bytes").status == 200
    assert urllib3.request("GET", urls["get"]).data == b"bytes"
