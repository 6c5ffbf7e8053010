from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.infra.templates import Assembly

TABLE = "AWS::DynamoDB::Table"
BUCKET = "AWS::S3::Bucket"


@pytest.mark.parametrize("kind", [TABLE, BUCKET, "AWS::SecretsManager::Secret"])
def test_what_holds_data_outlives_its_stack(assembly: Assembly, kind: str) -> None:
    for resource in assembly.resources("storage", kind).values():
        assert resource["DeletionPolicy"] == "Retain"
        assert resource["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("name", ["Ledger", "Control", "Registry", "Statistics"])
def test_tables_are_on_demand_and_can_be_restored(assembly: Assembly, name: str) -> None:
    table = assembly.properties("storage", TABLE, name)
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]


def test_the_ledger_expires_streams_and_refuses_deletion(assembly: Assembly) -> None:
    ledger = assembly.properties("storage", TABLE, "Ledger")
    assert ledger["TimeToLiveSpecification"] == {"AttributeName": "ex", "Enabled": True}
    assert ledger["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert ledger["DeletionProtectionEnabled"] is True


def test_the_ledger_is_indexed_by_commit_hour(assembly: Assembly) -> None:
    (index,) = assembly.properties("storage", TABLE, "Ledger")["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "commit-hour"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["g1pk", "sk"]
    assert index["Projection"] == {"ProjectionType": "ALL"}


@pytest.mark.parametrize("name", ["Models", "Results", "Inputs", "Training"])
def test_buckets_are_private_and_encrypted(assembly: Assembly, name: str) -> None:
    bucket = assembly.properties("storage", BUCKET, name)
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert "ServerSideEncryptionConfiguration" in bucket["BucketEncryption"]


@pytest.mark.parametrize("name", ["Models", "Results", "Inputs", "Training"])
def test_buckets_refuse_plain_http(assembly: Assembly, name: str) -> None:
    policy = assembly.properties("storage", "AWS::S3::BucketPolicy", name)
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_models_are_versioned(assembly: Assembly) -> None:
    models = assembly.properties("storage", BUCKET, "Models")
    assert models["VersioningConfiguration"] == {"Status": "Enabled"}


def test_results_are_announced_and_expire(assembly: Assembly) -> None:
    results = assembly.properties("storage", BUCKET, "Results")
    announced = results["NotificationConfiguration"]["EventBridgeConfiguration"]
    assert announced == {"EventBridgeEnabled": True}
    (rule,) = results["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 30


def test_what_customers_upload_is_gone_the_next_day(assembly: Assembly) -> None:
    inputs = assembly.properties("storage", BUCKET, "Inputs")
    (rule,) = inputs["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 1)


def test_the_pepper_is_generated(assembly: Assembly) -> None:
    pepper = assembly.properties("storage", "AWS::SecretsManager::Secret")
    assert pepper["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 64}
