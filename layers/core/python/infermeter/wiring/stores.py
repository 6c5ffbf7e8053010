"""The adapters that more than one part stands on."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Self

from infermeter.adapters.artifacts import S3ModelFiles
from infermeter.adapters.clients import Clients
from infermeter.adapters.keys import DynamoKeys
from infermeter.adapters.ledger import DynamoLedger
from infermeter.adapters.pepper import SecretPepper
from infermeter.tenants.authentication import Authenticator
from infermeter.tenants.sharding import Shardings
from infermeter.wiring.resources import Resources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infermeter.adapters.plans import DynamoPlans
    from infermeter.adapters.registry import DynamoRegistry
    from infermeter.engine.onnx import OnnxRuntime


class Stores:
    """Objects over one set of resources, each made when first asked for."""

    def __init__(
        self,
        resources: Resources,
        *,
        clients: Clients | None = None,
        memory_mb: int = 1024,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.resources, self.clients = resources, clients or Clients()
        self.memory_mb, self.clock = memory_mb, clock

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """As a Lambda function's environment names them."""
        memory_mb = int(environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024"))
        return cls(Resources.from_environment(environment), memory_mb=memory_mb)

    @cached_property
    def authenticator(self) -> Authenticator:
        """Who calls."""
        return Authenticator(self.keys, self.pepper, self.clock)

    @cached_property
    def keys(self) -> DynamoKeys:
        """Keys, tenants, and the terms of their plans."""
        return DynamoKeys(self.clients.dynamodb(), self.resources.control_table)

    @cached_property
    def shardings(self) -> Shardings:
        """How tenants' ledgers are divided."""
        return Shardings(self.keys.tenant, self.clock)

    @cached_property
    def plans(self) -> DynamoPlans:
        """Plans, every version in full."""
        from infermeter.adapters.plans import DynamoPlans

        return DynamoPlans(self.clients.dynamodb(), self.resources.control_table)

    @cached_property
    def pepper(self) -> SecretPepper:
        """The keys' pepper."""
        return SecretPepper(self.clients.secrets(), self.resources.pepper_secret)

    @cached_property
    def ledger(self) -> DynamoLedger:
        """The ledger."""
        client = self.clients.dynamodb(prompt=True)
        return DynamoLedger(client, self.resources.ledger_table, self.shardings.of, self.clock)

    @cached_property
    def registry(self) -> DynamoRegistry:
        """Models, versions, aliases; imported, and numpy with it, by those alone who serve them."""
        from infermeter.adapters.registry import DynamoRegistry

        return DynamoRegistry(self.clients.dynamodb(), self.resources.registry_table)

    @cached_property
    def model_files(self) -> S3ModelFiles:
        """Published files."""
        return S3ModelFiles(self.clients.s3(), self.resources.models_bucket)

    @cached_property
    def runtime(self) -> OnnxRuntime:
        """onnxruntime, imported by those alone who run models."""
        from infermeter.engine.onnx import OnnxRuntime

        return OnnxRuntime(self.memory_mb)
