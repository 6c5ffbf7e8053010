"""What is replaced or called of MiniStack, by module."""

from __future__ import annotations

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime, responses, router
from ministack.services import (
    apigateway_v1,
    cloudwatch_logs,
    dynamodb,
    lambda_svc,
    s3,
    secretsmanager,
    stepfunctions,
)
from ministack.services.cloudformation import provisioners

HOOKS = {
    app: ("app", "SERVICE_HANDLERS", "AUTH", "pin_request_origin"),
    iam_actions: ("extract_resource_arn",),
    iam_evaluator: ("pin_request_origin",),
    router: ("SERVICE_PATTERNS",),
    lambda_runtime: ("execution_credentials",),
    responses: (
        "error_response_json",
        "AccountRegionScopedDict",
        "_request_account_id",
        "_request_region",
    ),
    lambda_svc: (
        "_execute_function_warm",
        "_emit_lambda_logs",
        "_resolve_layer_zip",
        "_find_layer_version",
        "_iter_all_esms",
        "_poll_dynamodb_streams",
        "_dynamodb_stream_positions",
        "_esm_backoff_until",
    ),
    cloudwatch_logs: ("_create_log_group", "_create_log_stream", "_put_log_events"),
    apigateway_v1: (
        "handle_execute",
        "_invoke_lambda_proxy_v1",
        "_call_lambda_raw",
        "_extract_lambda_ref_from_integration_uri",
        "_gateway_error_response",
        "_GatewayError",
        "_stages_v1",
    ),
    stepfunctions: ("_SERVICE_DISPATCH", "_ExecutionError"),
    provisioners: ("_RESOURCE_HANDLERS",),
    dynamodb: (
        "_update_ttl",
        "_update_continuous_backups",
        "_update_table",
        "stream_records_since",
        "_stream_records",
        "_stream_trimmed",
        "get_state",
        "load_persisted_state",
    ),
    secretsmanager: ("_secrets",),
    s3: ("_put_bucket_encryption", "_put_bucket_lifecycle"),
}
