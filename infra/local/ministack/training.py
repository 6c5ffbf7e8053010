"""SageMaker, which MiniStack lacks, and its Step Functions integration."""
# ruff: noqa: SLF001 - private names are this package's subject

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from ministack import app
from ministack.core import router
from ministack.services import stepfunctions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.sagemaker import SageMaker


def add_sagemaker(service: SageMaker) -> None:
    """Serve training jobs, and `createTrainingJob` and `createTrainingJob.sync` of a state."""

    async def handle(
        method: str,  # noqa: ARG001 - MiniStack's signature
        path: str,  # noqa: ARG001
        headers: Mapping[str, str],
        body: bytes,
        query_params: Mapping[str, list[str]],  # noqa: ARG001
    ) -> tuple[int, dict[str, str], bytes]:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        status, document = await asyncio.to_thread(service.call, operation, body)
        return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(document).encode()

    def run_task(resource: str, parameters: dict[str, Any]) -> Any:
        try:
            return service.run_task(parameters, wait=resource.endswith(".sync"))
        except service.TaskFailed as error:
            raise stepfunctions._ExecutionError(error.name, error.cause) from error

    app.SERVICE_HANDLERS["sagemaker"] = handle
    router.SERVICE_PATTERNS = {
        "sagemaker": {"target_prefixes": ["SageMaker."], "credential_scope": "sagemaker"},
        **router.SERVICE_PATTERNS,
    }
    stepfunctions._SERVICE_DISPATCH["arn:aws:states:::sagemaker:createTrainingJob"] = run_task
