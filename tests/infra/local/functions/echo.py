"""The function of the tests' stack: what it does is told by the request or the message."""

import base64
import gzip
import json
import os
import time

import boto3
import marker
from botocore.config import Config
from botocore.exceptions import ClientError

CALLS = 0


def handler(event, context):
    if "Records" in event and "dynamodb" in event["Records"][0]:
        return follow(event["Records"], context.aws_request_id)
    if "Records" in event:
        return consume(event["Records"])
    if "read" in event:
        return read(event["read"])
    if "httpMethod" not in event:
        return {"echo": event, "marker": marker.TEXT}
    return serve(event)


def serve(event):
    match event["path"]:
        case "/raise":
            raise ValueError("a secret")
        case "/malformed":
            return {"body": "no status"}
        case "/size":
            return answer(str(len(base64.b64decode(event["body"]))))
        case "/bytes":
            body = base64.b64encode(bytes(range(256))).decode()
            return {"statusCode": 200, "body": body, "isBase64Encoded": True}
        case "/gzip":
            body = base64.b64encode(gzip.compress(b"x" * 1000)).decode()
            headers = {"Content-Encoding": "gzip"}
            return {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": True}
        case "/presigned":
            return answer(json.dumps(presigned(event["queryStringParameters"]["bucket"])))
        case "/cookies":
            headers = {"Set-Cookie": ["a=1", "b=2"]}
            return {"statusCode": 201, "multiValueHeaders": headers, "body": ""}
        case "/environment":
            return answer(json.dumps(dict(os.environ)))
        case "/sleep":
            time.sleep(30)
    return answer(json.dumps(event))


def read(pk):
    """What comes of a right that the role has not."""
    try:
        table().get_item(Key={"pk": pk, "sk": "any"})
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "read"


def presigned(bucket):
    """URLs for one new object of 5 bytes: to put it, and to get it."""
    client = boto3.client("s3", config=Config(signature_version="s3v4"))
    place = {"Bucket": bucket, "Key": "from-the-function"}
    new = {**place, "ContentLength": 5, "IfNoneMatch": "*"}
    return {
        "put": client.generate_presigned_url("put_object", Params=new, ExpiresIn=60),
        "get": client.generate_presigned_url("get_object", Params=place, ExpiresIn=60),
    }


def answer(text):
    return {"statusCode": 200, "headers": {"x-from": "function"}, "body": text}


def consume(records):
    """Note each delivery in the table; a message whose body is "bad" fails."""
    for record in records:
        key = f"{record['messageId']}-{record['attributes']['ApproximateReceiveCount']}"
        note(record["body"], key, {**record, "seen": str(time.time())})
    failed = [record["messageId"] for record in records if record["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": item} for item in failed]}


def follow(records, invocation):
    """Note each record of the stream; the first that sees the key "slow" takes its time."""
    if any(record["dynamodb"]["Keys"]["pk"]["S"] == "slow" for record in records):
        first = {"Key": {"pk": "marks", "sk": "slow"}, "ReturnValues": "UPDATED_OLD"}
        seen = table().update_item(
            **first, UpdateExpression="SET seen = :yes", ExpressionAttributeValues={":yes": True}
        )
        if "Attributes" not in seen:
            time.sleep(1.9)
    for number, record in enumerate(records):
        place = f"stream/{record['dynamodb']['Keys']['pk']['S']}"
        note(place, f"{invocation}/{number:04}", {**record, "invocation": invocation})


def note(pk, sk, record):
    table().put_item(Item={"pk": pk, "sk": sk, "record": json.dumps(record)})


def table():
    return boto3.resource("dynamodb").Table(os.environ["TABLE"])
