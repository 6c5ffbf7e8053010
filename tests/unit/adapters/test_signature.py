"""Signature Version 4 against AWS's own example, and against botocore's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from infermeter.adapters.signature import Credentials, Signer

EXAMPLE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
EXAMPLE_TIME = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
text = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


def signature(headers: dict[str, str]) -> str:
    return headers["authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_aws_published_test_suite(method: str, expected: str) -> None:
    signer = Signer(EXAMPLE, "service", "us-east-1")
    host = {"host": "example.amazonaws.com"}
    assert signature(signer.sign(method, "/", host, b"", EXAMPLE_TIME)) == expected


@given(
    body=st.binary(max_size=300),
    target=text,
    token=st.just("") | text,
    time_s=st.integers(1_700_000_000, 2_000_000_000),
)
def test_it_is_botocores(body: bytes, target: str, token: str, time_s: int) -> None:
    headers = {"content-type": "application/x-amz-json-1.0", "host": "h:1", "x-amz-target": target}
    ours = Signer(EXAMPLE._replace(token=token), "dynamodb", "eu-west-1").sign(
        "POST", "/", headers, body, time_s
    )
    assert signature(ours) == signature(botocores(headers, body, token, time_s))


def botocores(headers: dict[str, str], body: bytes, token: str, time_s: int) -> dict[str, Any]:
    credentials = BotocoreCredentials(EXAMPLE.access_key, EXAMPLE.secret_key, token or None)
    auth = botocore.auth.SigV4Auth(credentials, "dynamodb", "eu-west-1")
    request = AWSRequest("POST", "http://h:1/", headers=headers, data=body)
    now = datetime.fromtimestamp(time_s, UTC)
    request.context["timestamp"] = now.strftime("%Y%m%dT%H%M%SZ")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: now)
        auth.add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def test_a_new_day_has_a_new_key() -> None:
    kept = Signer(EXAMPLE, "dynamodb", "eu-west-1")
    kept.sign("POST", "/", {"host": "h"}, b"", EXAMPLE_TIME)
    fresh = Signer(EXAMPLE, "dynamodb", "eu-west-1")
    tomorrow = EXAMPLE_TIME + 86_400
    assert kept.sign("POST", "/", {"host": "h"}, b"", tomorrow) == fresh.sign(
        "POST", "/", {"host": "h"}, b"", tomorrow
    )


def test_a_secret_is_not_shown() -> None:
    assert EXAMPLE.secret_key not in repr(EXAMPLE)
