"""Statements in the archive bucket."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import boto3
import pytest

from infermeter.adapters.statements import S3Statements
from infermeter.errors import StoreUnavailable
from tests.unit.billing.books import Books

if TYPE_CHECKING:
    from infermeter.billing.statements import Statement
    from tests.cloud import Cloud


@pytest.fixture
def statement() -> Statement:
    books = Books()
    books.charged("2026060100", 3)
    books.charged("2026060100", -7, key_id="k2", price="")
    return books.statement()


def test_what_was_kept_is_read_back(cloud: Cloud, statement: Statement) -> None:
    archive = cloud.wiring.statement_archive
    assert archive.read("a", "202606") is None
    assert archive.keep(statement)
    assert archive.read("a", "202606") == statement
    assert archive.read("b", "202606") is None


def test_the_first_one_stands(cloud: Cloud, statement: Statement) -> None:
    archive = cloud.wiring.statement_archive
    assert archive.keep(statement)
    assert not archive.keep(replace(statement, digest="another"))
    assert archive.read("a", "202606") == statement


def test_months_are_those_of_the_tenant(cloud: Cloud, statement: Statement) -> None:
    archive = cloud.wiring.statement_archive
    for tenant, month in (("a", "202606"), ("a", "202605"), ("a2", "202604")):
        archive.keep(replace(statement, tenant=tenant, month=month))
    assert archive.months("a") == ["202605", "202606"]
    assert archive.months("b") == []


def test_a_bucket_that_is_not_there_is_no_statement(cloud: Cloud, statement: Statement) -> None:
    archive = S3Statements(boto3.client("s3"), "nowhere")
    for call in (
        lambda: archive.read("a", "202606"),
        lambda: archive.months("a"),
        lambda: archive.keep(statement),
    ):
        with pytest.raises(StoreUnavailable, match="archive bucket"):
            call()
