"""A small AWS in memory: the operations that the handlers use, their conditions evaluated.

Where moto takes milliseconds for a call, this takes microseconds, and an account is copied as
cheaply; `test_account.py` holds its DynamoDB against moto's. Pages are short, so that whoever reads
one page alone is found out.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from tests.proof.expressions import InvalidExpression, holds, updated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Item = dict[str, Any]
Place = tuple[str, str]
PAGE = 2
_INDEX_KEYS = {"commit-hour": "g1pk"}


class Object(NamedTuple):
    """What lies under a key of a bucket."""

    body: bytes
    metadata: Mapping[str, str]
    etag: str


class Record(NamedTuple):
    """A change of the ledger, as its stream tells it."""

    kind: str
    keys: Item
    image: Item


@dataclass
class Queued:
    """A message of a queue."""

    id: str
    body: str
    sent_ms: int


@dataclass
class Account:
    """All that outlives a process. Items are never changed in place, so that copies are shallow."""

    now: Callable[[], float]
    tables: dict[str, dict[Place, Item]] = field(default_factory=dict)
    buckets: dict[str, dict[str, Object]] = field(default_factory=dict)
    queues: dict[str, list[Queued]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    stream: list[Record] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    sent: int = 0
    # Items that an index does not have yet.
    lagging: set[Place] = field(default_factory=set)

    def copy(self) -> Account:
        """An account that goes its own way from here."""
        return Account(
            self.now,
            {name: dict(table) for name, table in self.tables.items()},
            {name: dict(bucket) for name, bucket in self.buckets.items()},
            {name: list(queue) for name, queue in self.queues.items()},
            dict(self.secrets),
            list(self.stream),
            set(self.tokens),
            self.sent,
            set(self.lagging),
        )

    def service(self, name: str) -> Any:
        """A service, whose methods are those of botocore's client."""
        return _SERVICES[name](self)

    def table(self, name: str) -> dict[Place, Item]:
        """A table's items by key."""
        return self.tables.setdefault(name, {})


def refused(operation: str, code: str, **more: Any) -> ClientError:
    """An error answer as botocore raises it."""
    response: Any = {"Error": {"Code": code, "Message": code}, **more}
    return ClientError(response, operation)


class DynamoDB:
    """The operations on items."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def put_item(self, **call: Any) -> dict[str, Any]:
        return self._change("PutItem", call, _place(call["Item"]), call["Item"])

    def delete_item(self, **call: Any) -> dict[str, Any]:
        return self._change("DeleteItem", call, _place(call["Key"]), None)

    def update_item(self, **call: Any) -> dict[str, Any]:
        place = _place(call["Key"])
        before = self._account.table(call["TableName"]).get(place)
        self._check("UpdateItem", call, before)
        after = _evaluated(
            "UpdateItem",
            lambda: updated(
                call["UpdateExpression"],
                before or call["Key"],
                call.get("ExpressionAttributeNames"),
                call.get("ExpressionAttributeValues"),
            ),
        )
        self._write(call["TableName"], place, after)
        wanted = call.get("ReturnValues", "NONE")
        if wanted == "NONE":
            return {}
        source, other = (after, before) if wanted.endswith("NEW") else (before or {}, after)
        if wanted.startswith("UPDATED"):
            source = {k: v for k, v in source.items() if (other or {}).get(k) != v}
        return {"Attributes": source}

    def transact_write_items(self, **call: Any) -> dict[str, Any]:
        """All or none; a token that was seen is an act that was done."""
        token = call.get("ClientRequestToken", "")
        if token and token in self._account.tokens:
            return {}
        reasons = []
        for act in call["TransactItems"]:
            ((_, each),) = act.items()
            place = _place(each.get("Key") or each["Item"])
            before = self._account.table(each["TableName"]).get(place)
            try:
                self._check("TransactWriteItems", each, before)
            except ClientError as error:
                reasons.append(
                    {"Code": "ConditionalCheckFailed", "Item": error.response.get("Item")}
                )
            else:
                reasons.append({"Code": "None"})
        if any(reason["Code"] != "None" for reason in reasons):
            raise refused(
                "TransactWriteItems", "TransactionCanceledException", CancellationReasons=reasons
            )
        for act in call["TransactItems"]:
            ((kind, each),) = act.items()
            if kind != "ConditionCheck":
                getattr(self, f"{kind.lower()}_item")(**each)
        if token:
            self._account.tokens.add(token)
        return {}

    def batch_write_item(self, **call: Any) -> dict[str, Any]:
        assert sum(map(len, call["RequestItems"].values())) <= 25
        for table, requests in call["RequestItems"].items():
            for request in requests:
                if "PutRequest" in request:
                    self.put_item(TableName=table, Item=request["PutRequest"]["Item"])
                else:
                    self.delete_item(TableName=table, Key=request["DeleteRequest"]["Key"])
        return {"UnprocessedItems": {}}

    def get_item(self, **call: Any) -> dict[str, Any]:
        found = self._account.table(call["TableName"]).get(_place(call["Key"]))
        return {} if found is None else {"Item": _projected(found, call)}

    def batch_get_item(self, **call: Any) -> dict[str, Any]:
        answers = {}
        for table, wanted in call["RequestItems"].items():
            found = [self._account.table(table).get(_place(key)) for key in wanted["Keys"]]
            answers[table] = [item for item in found if item is not None]
        return {"Responses": answers, "UnprocessedKeys": {}}

    def query(self, **call: Any) -> dict[str, Any]:
        condition = call["KeyConditionExpression"]
        names, values = call.get("ExpressionAttributeNames"), call["ExpressionAttributeValues"]
        hash_key = _INDEX_KEYS[call["IndexName"]] if "IndexName" in call else "pk"
        partition = values[condition.split(" AND ")[0].split("=")[1].strip()]
        found = [
            item
            for item in self._account.table(call["TableName"]).values()
            if item.get(hash_key) == partition and holds(condition, item, names, values)
        ]
        if "IndexName" in call:
            found = [item for item in found if _place(item) not in self._account.lagging]
        found.sort(key=lambda item: item["sk"]["S"], reverse=not call.get("ScanIndexForward", True))
        return _page(found, call)

    def scan(self, **call: Any) -> dict[str, Any]:
        items = self._account.table(call["TableName"])
        found = [items[place] for place in sorted(items)]
        if "IndexName" in call:
            found = [item for item in found if _INDEX_KEYS[call["IndexName"]] in item]
        return _page(found, call)

    def _change(
        self, operation: str, call: dict[str, Any], place: Place, after: Item | None
    ) -> dict[str, Any]:
        before = self._account.table(call["TableName"]).get(place)
        self._check(operation, call, before)
        self._write(call["TableName"], place, after)
        old = call.get("ReturnValues") == "ALL_OLD" and before is not None
        return {"Attributes": before} if old else {}

    def _check(self, operation: str, call: dict[str, Any], before: Item | None) -> None:
        kept = _evaluated(
            operation,
            lambda: holds(
                call.get("ConditionExpression"),
                before,
                call.get("ExpressionAttributeNames"),
                call.get("ExpressionAttributeValues"),
            ),
        )
        if not kept:
            asked = call.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            more = {"Item": before} if asked and before is not None else {}
            raise refused(operation, "ConditionalCheckFailedException", **more)

    def _write(self, table: str, place: Place, after: Item | None) -> None:
        items = self._account.table(table)
        before = items.pop(place, None)
        if after is not None:
            items[place] = after
        if table == "ledger":
            kind = "REMOVE" if after is None else "INSERT" if before is None else "MODIFY"
            keys = {"pk": {"S": place[0]}, "sk": {"S": place[1]}}
            self._account.stream.append(Record(kind, keys, after or {}))


class S3:
    """The operations on objects."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def put_object(self, **call: Any) -> dict[str, Any]:
        bucket, key = self._account.buckets.setdefault(call["Bucket"], {}), call["Key"]
        standing = bucket.get(key)
        if call.get("IfNoneMatch") == "*" and standing is not None:
            raise refused("PutObject", "PreconditionFailed")
        if "IfMatch" in call and (standing is None or standing.etag != call["IfMatch"]):
            raise refused("PutObject", "PreconditionFailed")
        body = call["Body"].read() if hasattr(call["Body"], "read") else call["Body"]
        content = body.encode() if isinstance(body, str) else bytes(body)
        etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        bucket[key] = Object(content, dict(call.get("Metadata", {})), etag)
        return {"ETag": etag}

    def get_object(self, **call: Any) -> dict[str, Any]:
        found = self._find("GetObject", "NoSuchKey", call)
        return {"Body": io.BytesIO(found.body), **_described(found)}

    def head_object(self, **call: Any) -> dict[str, Any]:
        return _described(self._find("HeadObject", "404", call))

    def delete_object(self, **call: Any) -> dict[str, Any]:
        self._account.buckets.get(call["Bucket"], {}).pop(call["Key"], None)
        return {}

    def list_objects_v2(self, **call: Any) -> dict[str, Any]:
        after = call.get("ContinuationToken") or call.get("StartAfter", "")
        bucket = self._account.buckets.get(call["Bucket"], {})
        keys = sorted(
            key for key in bucket if key.startswith(call.get("Prefix", "")) and key > after
        )
        if "Delimiter" in call:
            return _folders(keys, call)
        page = keys[: min(PAGE, call.get("MaxKeys", PAGE))]
        answer: dict[str, Any] = {
            "Contents": [{"Key": key, "Size": len(bucket[key].body)} for key in page],
            "IsTruncated": len(page) < len(keys),
        }
        if answer["IsTruncated"]:
            answer["NextContinuationToken"] = page[-1]
        return answer if page else {"IsTruncated": False, "KeyCount": 0}

    def _find(self, operation: str, code: str, call: dict[str, Any]) -> Object:
        found = self._account.buckets.get(call["Bucket"], {}).get(call["Key"])
        if found is None:
            raise refused(operation, code)
        return found


class SQS:
    """Sending. The queue's own way to its consumer is the scene's."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def send_message(self, **call: Any) -> dict[str, Any]:
        account = self._account
        account.sent += 1
        message = Queued(f"m-{account.sent}", call["MessageBody"], int(account.now() * 1000))
        account.queues.setdefault(call["QueueUrl"], []).append(message)
        return {"MessageId": message.id}

    def change_message_visibility(self, **_: Any) -> None:
        """When a message comes again is the scene's."""

    def get_queue_attributes(self, **call: Any) -> dict[str, Any]:
        waiting = len(self._account.queues.get(call["QueueUrl"], []))
        names = call["AttributeNames"]
        return {"Attributes": dict.fromkeys(names, "0") | {names[0]: str(waiting)}}


class Secrets:
    """Reading secrets."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def get_secret_value(self, **call: Any) -> dict[str, Any]:
        if call["SecretId"] not in self._account.secrets:
            raise refused("GetSecretValue", "ResourceNotFoundException")
        return {"SecretString": self._account.secrets[call["SecretId"]]}


class STS:
    """Who calls."""

    def __init__(self, _: Account) -> None:
        pass

    def get_caller_identity(self) -> dict[str, Any]:
        return {"Arn": "arn:aws:iam::123456789012:user/operator"}


_SERVICES = {"dynamodb": DynamoDB, "s3": S3, "secretsmanager": Secrets, "sqs": SQS, "sts": STS}


def pages(method: Callable[..., dict[str, Any]], **call: Any) -> Iterator[dict[str, Any]]:
    """What a paginator of the operation gives."""
    call.pop("PaginationConfig", None)
    while True:
        page = method(**call)
        yield page
        if "LastEvaluatedKey" in page:
            call["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        elif "NextContinuationToken" in page:
            call["ContinuationToken"] = page["NextContinuationToken"]
        else:
            return


def _place(item: Mapping[str, Any]) -> Place:
    return item["pk"]["S"], item["sk"]["S"]


def _page(found: list[Item], call: dict[str, Any]) -> dict[str, Any]:
    start = 0
    if call.get("ExclusiveStartKey"):
        last = _place(call["ExclusiveStartKey"])
        start = 1 + next(n for n, item in enumerate(found) if _place(item) == last)
    limit = min(PAGE, call.get("Limit", PAGE))
    page = found[start : start + limit]
    values = call.get("ExpressionAttributeValues")
    names = call.get("ExpressionAttributeNames")
    kept = [item for item in page if holds(call.get("FilterExpression"), item, names, values)]
    answer: dict[str, Any] = {"Count": len(kept), "ScannedCount": len(page)}
    if call.get("Select") != "COUNT":
        answer["Items"] = [_projected(item, call) for item in kept]
    if start + limit < len(found):
        answer["LastEvaluatedKey"] = {"pk": page[-1]["pk"], "sk": page[-1]["sk"]}
    return answer


def _projected(item: Item, call: dict[str, Any]) -> Item:
    if "ProjectionExpression" not in call:
        return dict(item)
    names = call.get("ExpressionAttributeNames", {})
    wanted = [each.strip() for each in call["ProjectionExpression"].split(",")]
    return {name: item[name] for name in (names.get(each, each) for each in wanted) if name in item}


def _described(found: Object) -> dict[str, Any]:
    return {
        "ETag": found.etag,
        "Metadata": dict(found.metadata),
        "ContentLength": len(found.body),
    }


def _folders(keys: list[str], call: dict[str, Any]) -> dict[str, Any]:
    prefix, delimiter = call.get("Prefix", ""), call["Delimiter"]
    rests = [key[len(prefix) :] for key in keys]
    folders = sorted({rest.split(delimiter)[0] for rest in rests if delimiter in rest})
    files = [key for key, rest in zip(keys, rests, strict=True) if delimiter not in rest]
    return {
        "CommonPrefixes": [{"Prefix": f"{prefix}{name}{delimiter}"} for name in folders],
        "Contents": [{"Key": key} for key in files],
        "IsTruncated": False,
    }


def _evaluated(operation: str, evaluate: Callable[[], Any]) -> Any:
    try:
        return evaluate()
    except InvalidExpression as error:
        raise refused(operation, "ValidationException") from error
