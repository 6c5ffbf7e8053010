from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.infra.templates import Assembly

TABLE = "AWS::DynamoDB::Table"
BUCKET = "AWS::S3::Bucket"
QUEUE = "AWS::SQS::Queue"
SECRET = "AWS::SecretsManager::Secret"
TABLES = ("Ledger", "Control", "Registry", "Statistics", "Limits", "Usage")
BUCKETS = ("Archive", "Models", "Results", "Inputs", "Training")


@pytest.mark.parametrize("kind", [TABLE, BUCKET, QUEUE, SECRET])
def test_what_holds_data_outlives_its_stack(assembly: Assembly, kind: str) -> None:
    for resource in assembly.resources("storage", kind).values():
        assert resource["DeletionPolicy"] == "Retain"
        assert resource["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("name", TABLES)
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


def test_leases_expire_and_usage_does_not(assembly: Assembly) -> None:
    limits = assembly.properties("storage", TABLE, "Limits")
    assert limits["TimeToLiveSpecification"] == {"AttributeName": "ex", "Enabled": True}
    assert "TimeToLiveSpecification" not in assembly.properties("storage", TABLE, "Usage")


def test_the_ledger_is_indexed_by_commit_hour(assembly: Assembly) -> None:
    (index,) = assembly.properties("storage", TABLE, "Ledger")["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "commit-hour"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["g1pk", "sk"]
    assert index["Projection"] == {"ProjectionType": "ALL"}


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_private_and_encrypted(assembly: Assembly, name: str) -> None:
    bucket = assembly.properties("storage", BUCKET, name)
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert "ServerSideEncryptionConfiguration" in bucket["BucketEncryption"]


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_refuse_plain_http(assembly: Assembly, name: str) -> None:
    policy = assembly.properties("storage", "AWS::S3::BucketPolicy", name)
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("name", ["Models", "Archive"])
def test_models_and_the_archive_are_versioned(assembly: Assembly, name: str) -> None:
    bucket = assembly.properties("storage", BUCKET, name)
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}


def test_nothing_in_the_archive_expires(assembly: Assembly) -> None:
    archive = assembly.properties("storage", BUCKET, "Archive")
    (rule,) = archive["LifecycleConfiguration"]["Rules"]
    assert "ExpirationInDays" not in rule


def test_the_spool_is_encrypted_and_refuses_plain_http(assembly: Assembly) -> None:
    assert assembly.properties("storage", QUEUE)["SqsManagedSseEnabled"] is True
    policy = assembly.properties("storage", "AWS::SQS::QueuePolicy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_spool_keeps_a_charge_as_long_as_it_can_and_never_sets_it_aside(
    assembly: Assembly,
) -> None:
    spool = assembly.properties("storage", QUEUE)
    assert spool["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert "RedrivePolicy" not in spool


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


def test_of_what_training_leaves_only_checkpoints_expire(assembly: Assembly) -> None:
    training = assembly.properties("storage", BUCKET, "Training")
    expiring = [
        (rule["Prefix"], rule["ExpirationInDays"])
        for rule in training["LifecycleConfiguration"]["Rules"]
        if "ExpirationInDays" in rule
    ]
    # The longest job takes 28 days.
    assert expiring == [("checkpoints/", 28)]


def test_the_pepper_is_generated(assembly: Assembly) -> None:
    pepper = assembly.properties("storage", SECRET, "Pepper")
    assert pepper["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 64}


def test_the_export_secret_begins_empty(assembly: Assembly) -> None:
    assert assembly.properties("storage", SECRET, "Export")["SecretString"] == "{}"
