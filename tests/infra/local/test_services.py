"""What the template asks for is there, and functions work with the services around them."""

from __future__ import annotations

import json
from typing import Any

import urllib3

from infra.local import processes
from tests.infra.local.running import Local, eventually


def deliveries(local: Local, body: str) -> list[dict[str, Any]]:
    answer = local.client("dynamodb").query(
        TableName=local.outputs["Table"],
        KeyConditionExpression="pk = :b",
        ExpressionAttributeValues={":b": {"S": body}},
    )
    return [json.loads(item["record"]["S"]) for item in answer["Items"]]


def test_the_table_has_all_its_properties(local: Local):
    client, name = local.client("dynamodb"), local.outputs["Table"]
    table = client.describe_table(TableName=name)["Table"]
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ex"}
    assert recovery == "ENABLED"
    assert table["SSEDescription"]["SSEType"] == "KMS"
    assert table["DeletionProtectionEnabled"] is True


def test_the_bucket_has_all_its_properties(local: Local):
    client, name = local.client("s3"), local.outputs["Bucket"]
    encryption = client.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]
    rule = encryption["Rules"][0]
    old, every = client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["BucketKeyEnabled"] is True
    assert (old["Filter"], old["Expiration"]) == ({"Prefix": "old/"}, {"Days": 30})
    assert every["Expiration"] == {"Days": 1}
    assert every["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_counters_add_up(local: Local):
    client, key = local.client("dynamodb"), {"pk": {"S": "counters"}, "sk": {"S": "2026"}}
    for _ in range(2):
        client.update_item(
            TableName=local.outputs["Table"],
            Key=key,
            UpdateExpression="ADD #count :one, #ns :took SET #last = :now",
            ExpressionAttributeNames={
                "#count": "success.count",
                "#ns": "success.ns",
                "#last": "at",
            },
            ExpressionAttributeValues={
                ":one": {"N": "1"},
                ":took": {"N": "9007199254740993"},  # more than a float holds
                ":now": {"N": "7"},
            },
        )
    item = client.get_item(TableName=local.outputs["Table"], Key=key)["Item"]
    assert (item["success.count"], item["at"]) == ({"N": "2"}, {"N": "7"})
    assert item["success.ns"] == {"N": "18014398509481986"}


def test_a_function_has_its_layer(local: Local):
    answer = local.client("lambda").invoke(
        FunctionName=local.outputs["EchoFunction"], Payload=b'{"a": 1}'
    )
    assert json.loads(answer["Payload"].read()) == {"echo": {"a": 1}, "marker": "from the layer"}


def test_a_function_reaches_the_local_endpoint_as_its_role(local: Local):
    variables = urllib3.request("GET", local.url + "/environment").json()
    assert variables["AWS_ENDPOINT_URL"] == local.record.endpoint
    assert variables["AWS_ACCESS_KEY_ID"].startswith("ASIA")


def test_a_function_has_no_right_that_its_role_has_not(local: Local):
    answer = local.client("lambda").invoke(
        FunctionName=local.outputs["EchoFunction"], Payload=b'{"read": "any"}'
    )
    assert json.loads(answer["Payload"].read()) == "AccessDeniedException"


def test_a_functions_log_is_one_stream_per_environment(local: Local):
    name = local.outputs["EchoFunction"]
    local.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    events = local.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    messages = [event["message"] for event in events]
    streams = {event["logStreamName"] for event in events}
    assert sum(message.startswith("REPORT ") for message in messages) >= len(streams)
    assert all("[$LATEST]" in stream for stream in streams)


def test_a_record_of_the_queue_is_as_sqs_sends_it(local: Local):
    sent = local.client("sqs").send_message(QueueUrl=local.outputs["Queue"], MessageBody="good")
    record = eventually(lambda: deliveries(local, "good"))[0]
    assert record["messageId"] == sent["MessageId"]
    assert record["eventSource"] == "aws:sqs"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert int(record["attributes"]["SentTimestamp"]) > 1_600_000_000_000


def test_only_the_failed_message_comes_again_and_then_goes_to_the_dead_letters(local: Local):
    client = local.client("sqs")
    for body in ("bad", "fine"):
        client.send_message(QueueUrl=local.outputs["Queue"], MessageBody=body)
    dead = eventually(
        lambda: client.receive_message(
            QueueUrl=local.outputs["DeadLetters"], WaitTimeSeconds=1
        ).get("Messages")
    )
    tries = sorted(deliveries(local, "bad"), key=lambda record: float(record["seen"]))
    assert [message["Body"] for message in dead] == ["bad"]
    assert [r["attributes"]["ApproximateReceiveCount"] for r in tries] == ["1", "2"]
    assert len(deliveries(local, "fine")) == 1
    # The queue's visibility time-out.
    assert float(tries[1]["seen"]) - float(tries[0]["seen"]) >= 1.9


def test_the_processes_that_run_a_function_are_known(local: Local):
    name = local.outputs["EchoFunction"]
    local.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    found = processes.environments(local.record.endpoint)
    deployed = local.client("lambda").list_functions()["Functions"]
    # Other functions of this stack, and of no other, may run too.
    assert (
        name in {function for function, _ in found} <= {each["FunctionName"] for each in deployed}
    )
    assert processes.environments("http://127.0.0.1:1") == []
