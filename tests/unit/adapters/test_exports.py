"""The export's configuration, tokens and files in AWS."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import boto3
import pytest

from infermeter.adapters.exports import ArchiveFiles, DynamoExports, SecretTokens
from infermeter.errors import AdministrationRefused, StoreUnavailable
from infermeter.export.configuration import Account, Configuration, parse_configuration
from tests.ports_export import FIRST
from tests.unit.export.test_configuration import TEXT

if TYPE_CHECKING:
    from tests.cloud import Cloud


@pytest.fixture
def store(cloud: Cloud) -> DynamoExports:
    return DynamoExports(cloud.wiring.clients.dynamodb(), cloud.resources.usage_table)


def test_a_configuration_is_read_as_it_was_put(store: DynamoExports) -> None:
    assert store.configuration() == Configuration()
    configuration = parse_configuration(tomllib.loads(TEXT))
    store.put(configuration)
    assert store.configuration() == configuration


def test_accounts_are_listed_by_target_and_tenant(store: DynamoExports) -> None:
    accounts = [
        Account(tenant, "stripe", f"cus_{tenant}", FIRST, "arn", "2027010100")
        for tenant in ("b", "a")
    ]
    for account in accounts:
        store.add(account)
    assert store.accounts() == accounts[::-1]


def tokens(cloud: Cloud, text: str) -> SecretTokens:
    secret = boto3.client("secretsmanager").create_secret(Name="tokens", SecretString=text)
    return SecretTokens(cloud.wiring.clients.secrets(), secret["ARN"])


def test_a_token_is_read_by_its_targets_name(cloud: Cloud) -> None:
    assert tokens(cloud, '{"stripe": "sk_live_1\\n"}')("stripe") == "sk_live_1"


@pytest.mark.parametrize("text", ['{"other": "sk_live_1"}', '{"stripe": 7}', "sk_live_1", "[]"])
def test_a_missing_token_is_told_without_what_is_there(cloud: Cloud, text: str) -> None:
    with pytest.raises(AdministrationRefused, match="export secret: expected") as refusal:
        tokens(cloud, text)("stripe")
    assert "sk_live_1" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_token_is_kept_beside_the_others(cloud: Cloud) -> None:
    kept = tokens(cloud, '{"stripe": "sk_live_1", "metering": "om_1"}')
    kept.keep("stripe", "sk_live_2")
    kept.keep("new", "n")
    assert [kept(name) for name in ("stripe", "metering", "new")] == ["sk_live_2", "om_1", "n"]


def test_no_secret(cloud: Cloud) -> None:
    with pytest.raises(StoreUnavailable, match="export secret"):
        SecretTokens(cloud.wiring.clients.secrets(), "nowhere")("stripe")


def test_a_file_is_put(cloud: Cloud) -> None:
    bucket = cloud.resources.archive_bucket
    ArchiveFiles(cloud.wiring.clients.s3(), bucket)("exports/csv/a.csv", b"x\n")
    stored = boto3.client("s3").get_object(Bucket=bucket, Key="exports/csv/a.csv")
    assert stored["Body"].read() == b"x\n"
    assert stored["ContentType"] == "text/csv; charset=utf-8"
