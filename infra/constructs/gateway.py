"""The REST API in front of two functions: every path and method, any content type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from infra.constructs.logs import log_group

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_

    from infra.settings import Api

STAGE = "live"

# The gateway's longest wait without a raised quota.
TIMEOUT = Duration.seconds(29)

# TLS 1.2 with forward secrecy, or 1.3; the default of a regional API still takes 1.0.
TLS = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"

ACCESS_LOG = {
    # Entries of the ledger are compared with this one. A caller can choose the other, by a header.
    "request_id": "$context.extendedRequestId",
    "shown_request_id": "$context.requestId",
    "function_request_id": "$context.integration.requestId",
    "time": "$context.requestTimeEpoch",
    "source_ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "integration_status": "$context.integration.integrationStatus",
    "integration_error": "$context.integration.error",
    "latency_ms": "$context.responseLatency",
    "integration_latency_ms": "$context.integration.latency",
    "bytes_out": "$context.responseLength",
}

# What the gateway refuses by itself (too large, throttled, no answer), in the protocol's own shape.
REFUSAL = {"application/json": '{"error":$context.error.messageString}'}


class Gateway(Construct):
    """A regional REST API with one stage, throttled and with access logs.

    `usage` answers at `/v1/usage` and below, `function` everywhere else. They authenticate: a
    gateway authorizer cannot take a key from either of two headers. Access logs need a role in API
    Gateway's settings of the whole account and region. With `account_role` this stack sets it (and
    leaves it when it goes, as other APIs may then use it); an account that has set its own turns
    the setting off.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: lambda_.IFunction,
        usage: lambda_.IFunction,
        settings: Api,
    ) -> None:
        super().__init__(scope, construct_id)
        self.logs = log_group(self, "AccessLogs", days=settings.log_days)
        self.api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=Stack.of(self).stack_name,  # a label, not an identity
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            binary_media_types=["*/*"],
            cloud_watch_role=settings.account_role,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                throttling_rate_limit=settings.rate,
                throttling_burst_limit=settings.burst,
                access_log_destination=apigateway.LogGroupLogDestination(self.logs),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
            ),
        )
        self.api.node.try_remove_child("Endpoint")  # the stack has an output of its own
        template = cast("apigateway.CfnRestApi", self.api.node.default_child)
        template.security_policy = TLS
        template.endpoint_access_mode = "STRICT"
        for side in ("4XX", "5XX"):
            kind = apigateway.ResponseType.of(f"DEFAULT_{side}")
            self.api.add_gateway_response(f"Default{side}", type=kind, templates=REFUSAL)

        # `/v1` has methods of its own, so that no path hangs on how the gateway falls back.
        version = self.api.root.add_resource("v1")
        _lead(function, self.api.root, version)
        _lead(usage, version.add_resource("usage"))


def _lead(function: lambda_.IFunction, *resources: apigateway.IResource) -> None:
    """Send every method of these resources, and of all below them, to the function."""
    integration = apigateway.LambdaIntegration(function, allow_test_invoke=False, timeout=TIMEOUT)
    for resource in resources:
        resource.add_method("ANY", integration)
        resource.add_resource("{proxy+}").add_method("ANY", integration)
