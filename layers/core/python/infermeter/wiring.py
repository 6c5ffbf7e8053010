"""Which adapter stands behind which port, by the names of the deployed resources."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

from infermeter.adapters.artifacts import S3ModelFiles
from infermeter.adapters.clients import Clients
from infermeter.adapters.dead_letters import SqsDeadLetters
from infermeter.adapters.keys import DynamoKeys
from infermeter.adapters.ledger import DynamoLedger
from infermeter.adapters.pepper import SecretPepper
from infermeter.adapters.registry import DynamoRegistry
from infermeter.adapters.results import S3Results
from infermeter.adapters.statistics import DynamoStatistics
from infermeter.adapters.transfers import S3Answers, S3Inputs
from infermeter.api.application import Application
from infermeter.api.endpoints import server
from infermeter.api.endpoints.documentation import DocumentationEndpoints
from infermeter.api.endpoints.inference import InferenceEndpoint
from infermeter.api.endpoints.models import ModelEndpoints
from infermeter.api.endpoints.openai import OpenAIEndpoints
from infermeter.api.endpoints.repository import RepositoryEndpoints
from infermeter.api.endpoints.statistics import StatisticsEndpoints
from infermeter.api.endpoints.uploads import UploadEndpoints
from infermeter.batch import BatchConsumer
from infermeter.engine.models import Models
from infermeter.metering.usage import Usage
from infermeter.registry.catalog import Catalog
from infermeter.registry.publication import Publisher
from infermeter.service import Service
from infermeter.statistics.buffer import StatisticsBuffer, Unkept
from infermeter.tenants.administration import KeyAdministration
from infermeter.tenants.authentication import Authenticator
from infermeter.transfers.answers import LargeAnswers
from infermeter.transfers.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infermeter.engine.onnx import OnnxRuntime

# Of a function's memory, this much may hold models; the rest is the interpreter and the tensors.
MODELS_SHARE = 0.5
_MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Resources:
    """The deployed resources that the core works on; empty where a function has none."""

    control_table: str = ""
    ledger_table: str = ""
    registry_table: str = ""
    models_bucket: str = ""
    results_bucket: str = ""
    inputs_bucket: str = ""
    statistics_table: str = ""
    training_bucket: str = ""
    pepper_secret: str = ""
    dead_letter_queue: str = ""

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> Resources:
        """From a function's `INFERMETER_*` variables."""
        return Resources(
            **{
                field.name: environment.get(f"INFERMETER_{field.name.upper()}", "")
                for field in fields(Resources)
            }
        )


class Wiring:
    """The core's objects over one set of resources, each made when first asked for."""

    def __init__(
        self, resources: Resources, *, clients: Clients | None = None, memory_mb: int = 1024
    ) -> None:
        self.resources, self.clients = resources, clients or Clients()
        self._memory_mb = memory_mb

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> Wiring:
        """As a Lambda function's environment names them."""
        memory_mb = int(environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024"))
        return Wiring(Resources.from_environment(environment), memory_mb=memory_mb)

    @cached_property
    def service(self) -> Service:
        """The data plane."""
        return Service(
            authenticator=Authenticator(self.keys, self.pepper, time.time),
            catalog=Catalog(self.registry, time.time),
            models=Models(
                self.model_files, self.runtime, int(self._memory_mb * _MB * MODELS_SHARE)
            ),
            ledger=self.ledger,
            clock=time.time,
            statistics=self.statistics,
        )

    @cached_property
    def application(self) -> Application:
        """The HTTP API."""
        service = self.service
        return Application(
            service.authenticator,
            server.ENDPOINTS,
            ModelEndpoints(service).endpoints(),
            RepositoryEndpoints(service).endpoints(),
            StatisticsEndpoints(service).endpoints(),
            DocumentationEndpoints(service).endpoints(),
            UploadEndpoints(self.uploads).endpoints(),
            InferenceEndpoint(service, time.time, self.uploads, self.large_answers).endpoints(),
            OpenAIEndpoints(service, time.time).endpoints(),
        )

    @cached_property
    def statistics(self) -> StatisticsBuffer:
        """Counts on their way to the table; of a function without one they are not kept."""
        table = self.resources.statistics_table
        if not table:
            return StatisticsBuffer(Unkept(), time.time)
        store = DynamoStatistics(self.clients.dynamodb(prompt=True), table)
        return StatisticsBuffer(store, time.time)

    @cached_property
    def batch_consumer(self) -> BatchConsumer:
        """The queue's consumer."""
        return BatchConsumer(
            service=self.service,
            results=S3Results(self.clients.s3(), self.resources.results_bucket),
            uploads=self.uploads,
            dead_letters=SqsDeadLetters(self.clients.sqs(), self.resources.dead_letter_queue),
            clock=time.time,
        )

    @cached_property
    def uploads(self) -> Uploads | None:
        """What tenants may put and name, where there is a bucket for it."""
        bucket = self.resources.inputs_bucket
        return Uploads(S3Inputs(self.clients.s3(), bucket), time.time) if bucket else None

    @cached_property
    def large_answers(self) -> LargeAnswers | None:
        """Answers over Lambda's limit, where there is a bucket for them."""
        bucket = self.resources.results_bucket
        return LargeAnswers(S3Answers(self.clients.s3(), bucket), time.time) if bucket else None

    @cached_property
    def publisher(self) -> Publisher:
        """The door by which versions come in."""
        return Publisher(self.registry, self.model_files, self.runtime, time.time)

    @cached_property
    def key_administration(self) -> KeyAdministration:
        """Making and revoking keys."""
        return KeyAdministration(self.keys, self.pepper, time.time)

    @cached_property
    def usage(self) -> Usage:
        """What tenants used."""
        return Usage(self.ledger, self.keys, time.time)

    @cached_property
    def keys(self) -> DynamoKeys:
        """Keys and tenants."""
        return DynamoKeys(self.clients.dynamodb(), self.resources.control_table)

    @cached_property
    def pepper(self) -> SecretPepper:
        """The keys' pepper."""
        return SecretPepper(self.clients.secrets(), self.resources.pepper_secret)

    @cached_property
    def ledger(self) -> DynamoLedger:
        """The ledger."""
        return DynamoLedger(self.clients.dynamodb(prompt=True), self.resources.ledger_table)

    @cached_property
    def registry(self) -> DynamoRegistry:
        """Models, versions, aliases."""
        return DynamoRegistry(self.clients.dynamodb(), self.resources.registry_table)

    @cached_property
    def model_files(self) -> S3ModelFiles:
        """Published files."""
        return S3ModelFiles(self.clients.s3(), self.resources.models_bucket)

    @cached_property
    def runtime(self) -> OnnxRuntime:
        """onnxruntime, imported by those alone who run models."""
        from infermeter.engine.onnx import OnnxRuntime

        return OnnxRuntime(self._memory_mb)
