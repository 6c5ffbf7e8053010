"""Findings in the usage table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from infermeter.metering.findings import Finding, FindingKind

if TYPE_CHECKING:
    from infermeter.adapters.findings import DynamoFindings
    from tests.cloud import Cloud

FOUND = Finding(FindingKind.MODIFIED, "acme", 1_790_000_000, {"place": "pk sk", "count": 2})


@pytest.fixture
def findings(cloud: Cloud) -> DynamoFindings:
    return cloud.wiring.findings


def test_a_finding_is_new_once(findings: DynamoFindings) -> None:
    assert [findings.record(FOUND), findings.record(FOUND)] == [True, False]
    assert list(findings.of_kind(FindingKind.MODIFIED, 0, 2**33)) == [FOUND]


def test_findings_are_found_by_kind_and_time(findings: DynamoFindings) -> None:
    at = FOUND.at
    for each in (FOUND, replace(FOUND, at=at + 1), replace(FOUND, kind=FindingKind.LATE)):
        findings.record(each)
    assert list(findings.of_kind(FindingKind.MODIFIED, at, at + 1)) == [FOUND]
    assert list(findings.of_kind(FindingKind.MODIFIED, at + 1, at)) == []
    assert list(findings.of_kind(FindingKind.LATE, at, at + 9)) == [
        replace(FOUND, kind=FindingKind.LATE)
    ]
    assert list(findings.of_kind(FindingKind.DUPLICATE, 0, 2**33)) == []
