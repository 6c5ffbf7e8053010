"""MiniStack's private names are where the hooks expect them: an upgrade fails here first."""

from __future__ import annotations

import inspect
from importlib.metadata import version

import pytest

from infra.local.ministack import names as hooks
from infra.local.ministack.api import _invoke_proxy

NAMES = [(module, name) for module, names in hooks.HOOKS.items() for name in names]


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]


def test_the_version_is_the_one_that_the_hooks_were_written_for():
    assert version("ministack") == "1.5.33"


@pytest.mark.parametrize(
    ("module", "name"), NAMES, ids=lambda item: getattr(item, "__name__", item)
)
def test_the_name_exists(module: object, name: str):
    assert hasattr(module, name)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (hooks.lambda_svc._execute_function_warm, ["func", "event", "request_id"]),
        (
            hooks.lambda_svc._emit_lambda_logs,
            ["func", "request_id", "log_text", "error", "duration_ms", "log_source"],
        ),
        (hooks.lambda_svc._resolve_layer_zip, ["attachment"]),
        (hooks.apigateway_v1._gateway_error_response, ["error", "request"]),
        (hooks.apigateway_v1._invoke_lambda_proxy_v1, parameters(_invoke_proxy)),
        (
            hooks.apigateway_v1._call_lambda_raw,
            ["function_ref", "event", "account_id", "region"],
        ),
        (
            hooks.apigateway_v1.handle_execute,
            ["api_id", "stage_name", "method", "path", "headers", "body", "query_params"],
        ),
        (hooks.dynamodb._update_ttl, ["data"]),
        (hooks.dynamodb._update_continuous_backups, ["data"]),
        (hooks.dynamodb._update_table, ["data"]),
        (hooks.s3._put_bucket_encryption, ["name", "body"]),
        (hooks.s3._put_bucket_lifecycle, ["name", "body"]),
        (hooks.cloudwatch_logs._put_log_events, ["data"]),
    ],
)
def test_the_signature_is_as_expected(function: object, names: list[str]):
    assert parameters(function) == names


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::Table", "AWS::S3::Bucket"])
def test_a_resources_handlers_take_what_the_hook_passes_on(kind: str):
    handlers = hooks.provisioners._RESOURCE_HANDLERS[kind]
    assert parameters(handlers["create"]) == ["logical_id", "props", "stack_name"]
    assert parameters(handlers["update"])[:3] == ["physical_id", "old_props", "new_props"]


def test_step_functions_dispatches_by_the_resource_without_its_pattern():
    assert "arn:aws:states:::sqs:sendMessage" in hooks.stepfunctions._SERVICE_DISPATCH


def test_ministack_has_no_sagemaker_yet():
    assert "sagemaker" not in hooks.app.SERVICE_HANDLERS
