"""Limits in headers."""

from __future__ import annotations

import re

import pytest

from infermeter.api.quota import duration, quota_headers, retry_headers
from infermeter.limits.limiter import Quota

RATE = Quota("requests", 20, 7, 2, 0.25)
BUDGET = Quota("units", 1_000, 400, 2_592_000, 86_400.0)


def test_both_conventions_tell_each_quota() -> None:
    assert quota_headers([RATE, BUDGET]) == {
        "RateLimit-Policy": '"requests";q=20;w=2, "units";q=1000;w=2592000',
        "RateLimit": '"requests";r=7;t=1, "units";r=400;t=86400',
        "x-ratelimit-limit-requests": "20",
        "x-ratelimit-remaining-requests": "7",
        "x-ratelimit-reset-requests": "250ms",
        "x-ratelimit-limit-units": "1000",
        "x-ratelimit-remaining-units": "400",
        "x-ratelimit-reset-units": "24h0m0s",
    }


def test_lists_are_structured_fields() -> None:
    item = r'"[a-z-]+"(;[a-z]=[0-9]+)+'
    for name in ("RateLimit-Policy", "RateLimit"):
        assert re.fullmatch(f"{item}(, {item})*", quota_headers([RATE, BUDGET])[name])


def test_of_a_keys_and_its_tenants_the_tightest_is_told() -> None:
    tenant = Quota("requests", 100, 3, 2, 0.5)
    for quotas in ([RATE, tenant], [tenant, RATE]):
        assert quota_headers(quotas)["RateLimit"] == '"requests";r=3;t=1'
        assert quota_headers(quotas)["x-ratelimit-limit-requests"] == "100"


def test_no_quotas_no_headers() -> None:
    assert quota_headers([]) == {}


@pytest.mark.parametrize(
    ("seconds", "whole", "milliseconds"),
    [(0.0004, "1", "1"), (0.25, "1", "250"), (1.0, "1", "1000"), (1.0001, "2", "1001")],
)
def test_a_wait_is_rounded_up(seconds: float, whole: str, milliseconds: str) -> None:
    wait = retry_headers(seconds)
    assert wait == {"retry-after": whole, "retry-after-ms": milliseconds}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ms"),
        (0.0861, "87ms"),
        (1, "1s"),
        (59.5, "1m0s"),
        (360, "6m0s"),
        (3661, "1h1m1s"),
        (2_678_400, "744h0m0s"),
    ],
)
def test_durations_are_as_openai_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
