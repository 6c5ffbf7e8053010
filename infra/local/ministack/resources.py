"""CloudFormation: properties that MiniStack's provisioners drop."""
# ruff: noqa: SLF001 - private names are this package's subject

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ministack.services import apigateway_v1, dynamodb, s3
from ministack.services.cloudformation import provisioners

from infra.local.bucket_properties import encryption_xml, lifecycle_xml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def mend_cloudformation() -> None:
    """Apply what the template says of tables, buckets and stages, all of it.

    The calls are made in this process: one over HTTP would wait for the event loop it runs on.
    """
    _after("AWS::DynamoDB::Table", _apply_to_table)
    _after("AWS::S3::Bucket", _apply_to_bucket)
    _after("AWS::ApiGateway::Stage", _apply_to_stage)


def _after(kind: str, apply: Callable[[str, Mapping[str, Any]], None]) -> None:
    handlers = provisioners._RESOURCE_HANDLERS[kind]
    create, update = handlers["create"], handlers["update"]

    @functools.wraps(create)
    def create_all(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        result = create(logical_id, properties, stack_name)
        apply(result[0], properties)
        return result

    @functools.wraps(update)
    def update_all(physical_id: str, old: Any, new: Any, *args: Any, **kwargs: Any) -> Any:
        result = update(physical_id, old, new, *args, **kwargs)
        apply(result[0], new)
        return result

    provisioners._RESOURCE_HANDLERS[kind] = {
        **handlers,
        "create": create_all,
        "update": update_all,
    }


def _apply_to_table(name: str, properties: Mapping[str, Any]) -> None:
    calls = {
        "TimeToLiveSpecification": dynamodb._update_ttl,
        "PointInTimeRecoverySpecification": dynamodb._update_continuous_backups,
    }
    for key, call in calls.items():
        if key in properties:
            _expect(call({"TableName": name, key: _typed(properties[key])}))
    if encryption := properties.get("SSESpecification"):
        typed = dict(_typed(encryption))
        typed["Enabled"] = typed.pop("SSEEnabled", False)
        _expect(dynamodb._update_table({"TableName": name, "SSESpecification": typed}))


def _apply_to_bucket(name: str, properties: Mapping[str, Any]) -> None:
    if encryption := properties.get("BucketEncryption"):
        _expect(s3._put_bucket_encryption(name, encryption_xml(encryption)))
    if lifecycle := properties.get("LifecycleConfiguration"):
        _expect(s3._put_bucket_lifecycle(name, lifecycle_xml(lifecycle)))


def _apply_to_stage(name: str, properties: Mapping[str, Any]) -> None:
    if log := properties.get("AccessLogSetting"):
        stage = apigateway_v1._stages_v1[properties["RestApiId"]][name]
        stage["accessLogSettings"] = {
            "destinationArn": log["DestinationArn"],
            "format": log["Format"],
        }


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """CloudFormation passes booleans on as the text of the template, too."""
    booleans = {"true": True, "false": False}
    return {name: booleans.get(str(value).lower(), value) for name, value in values.items()}


def _expect(answer: tuple[int, Any, Any]) -> None:
    if answer[0] >= 300:
        raise ValueError(f"{answer[2]!r}")
