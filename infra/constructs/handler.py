"""One function: its code, its role, its log group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.code import source
from infra.constructs.layers import architecture, runtime
from infra.constructs.logs import log_group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.settings import Functions


class Handler(Construct):
    """The function in `functions/<name>`; its role may write its own log and nothing else yet."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        memory_mb: int,
        timeout_s: int,
        environment: Mapping[str, str],
        layers: Sequence[lambda_.ILayerVersion],
        settings: Functions,
    ) -> None:
        super().__init__(scope, construct_id)
        self.logs = log_group(self, "Logs", days=settings.log_days)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.logs.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            code=source(f"functions/{name}"),
            handler="handler.handler",
            runtime=runtime(settings),
            architecture=architecture(settings),
            layers=layers,
            memory_size=memory_mb,
            timeout=Duration.seconds(timeout_s),
            role=self.role,
            log_group=self.logs,
            environment={
                **environment,
                "OPENBLAS_NUM_THREADS": "1",  # or it starts a thread per core at import
                "POWERTOOLS_LOG_LEVEL": "INFO",
                "POWERTOOLS_METRICS_NAMESPACE": "infermeter",
                "POWERTOOLS_SERVICE_NAME": name,
            },
        )

    def allow(
        self, *actions: str, on: list[str], conditions: Mapping[str, object] | None = None
    ) -> None:
        """Let the function do these actions on these ARNs."""
        self.role.add_to_policy(
            iam.PolicyStatement(actions=list(actions), resources=on, conditions=conditions)
        )
