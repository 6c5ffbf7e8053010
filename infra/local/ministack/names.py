"""What is replaced or called of MiniStack, by module."""

from __future__ import annotations

from ministack import app
from ministack.core import lambda_runtime, router
from ministack.services import (
    apigateway_v1,
    cloudwatch_logs,
    dynamodb,
    lambda_svc,
    s3,
    stepfunctions,
)
from ministack.services.cloudformation import provisioners

HOOKS = {
    app: ("app", "SERVICE_HANDLERS"),
    router: ("SERVICE_PATTERNS",),
    lambda_runtime: ("execution_credentials",),
    lambda_svc: (
        "_execute_function_warm",
        "_emit_lambda_logs",
        "_resolve_layer_zip",
        "_find_layer_version",
    ),
    cloudwatch_logs: ("_create_log_group", "_create_log_stream", "_put_log_events"),
    apigateway_v1: (
        "handle_execute",
        "_invoke_lambda_proxy_v1",
        "_call_lambda_raw",
        "_extract_lambda_ref_from_integration_uri",
        "_gateway_error_response",
        "_GatewayError",
    ),
    stepfunctions: ("_SERVICE_DISPATCH", "_ExecutionError"),
    provisioners: ("_RESOURCE_HANDLERS",),
    dynamodb: ("_update_ttl", "_update_continuous_backups", "_update_table"),
    s3: ("_put_bucket_encryption", "_put_bucket_lifecycle"),
}
