"""What answers: the API's application, the queue's consumer."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from infermeter.adapters.activity import DynamoActivity
from infermeter.adapters.dead_letters import SqsDeadLetters
from infermeter.adapters.ledger import DynamoLedger
from infermeter.adapters.limits import DynamoBudgets, DynamoRates
from infermeter.adapters.results import S3Results
from infermeter.adapters.spool import SqsSpool
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
from infermeter.api.routes import DATA_PLANE
from infermeter.batch import BatchConsumer
from infermeter.engine.models import Models
from infermeter.limits.leasing import LeasingLimiter
from infermeter.limits.limiter import Unlimited
from infermeter.registry.catalog import Catalog
from infermeter.service import Service
from infermeter.statistics.buffer import StatisticsBuffer, Unkept
from infermeter.tenants.activity import Activity, UnkeptUses
from infermeter.transfers.answers import LargeAnswers
from infermeter.transfers.uploads import Uploads
from infermeter.wire.limits import MAX_ANSWER_BYTES, MAX_UPLOAD_BYTES
from infermeter.wiring.stores import Stores

if TYPE_CHECKING:
    from infermeter.limits.limiter import Limiter

# Of a function's memory, this much may hold models; the rest is the interpreter and the tensors.
MODELS_SHARE = 0.5
_MB = 1024 * 1024


class Serving(Stores):
    """The data plane."""

    @cached_property
    def service(self) -> Service:
        """The one path that every transport calls."""
        return Service(
            authenticator=self.authenticator,
            catalog=Catalog(self.registry, self.clock),
            models=Models(self.model_files, self.runtime, int(self.memory_mb * _MB * MODELS_SHARE)),
            ledger=self.ledger,
            clock=self.clock,
            statistics=self.statistics,
            spool=self.spool,
            limiter=self.limiter,
        )

    @cached_property
    def application(self) -> Application:
        """The HTTP API, without what is told of usage."""
        service = self.service
        return Application(
            service.authenticator,
            server.ENDPOINTS,
            ModelEndpoints(service).endpoints(),
            RepositoryEndpoints(service).endpoints(),
            StatisticsEndpoints(service).endpoints(),
            DocumentationEndpoints(service).endpoints(),
            UploadEndpoints(self.uploads).endpoints(),
            InferenceEndpoint(service, self.clock, self.uploads, self.large_answers).endpoints(),
            OpenAIEndpoints(service, self.clock).endpoints(),
            routes=DATA_PLANE,
        )

    @cached_property
    def ledger(self) -> DynamoLedger:
        """The ledger, put into alone."""
        client = self.clients.hot_dynamodb()
        return DynamoLedger(client, self.resources.ledger_table, self.shardings.of, self.clock)

    @cached_property
    def limiter(self) -> Limiter:
        """Rates and budgets, where there is a table for their leases."""
        table = self.resources.limits_table
        if not table:
            return Unlimited()
        client = self.clients.hot_dynamodb()
        most_bytes_out = MAX_ANSWER_BYTES if self.large_answers is None else MAX_UPLOAD_BYTES
        return LeasingLimiter(
            DynamoRates(client, table), DynamoBudgets(client, table), self.clock, most_bytes_out
        )

    @cached_property
    def spool(self) -> SqsSpool | None:
        """Where entries wait for a ledger that does not answer."""
        queue = self.resources.spool_queue
        return SqsSpool(self.clients.sqs(prompt=True), queue) if queue else None

    @cached_property
    def statistics(self) -> StatisticsBuffer:
        """Counts on their way to the table; of a function without one they are not kept."""
        table = self.resources.statistics_table
        if not table:
            return StatisticsBuffer(Unkept(), self.clock)
        store = DynamoStatistics(self.clients.dynamodb(prompt=True), table)
        return StatisticsBuffer(store, self.clock)

    @cached_property
    def activity(self) -> Activity:
        """Last uses of keys on their way to the table, where there is one."""
        table = self.resources.limits_table
        store = DynamoActivity(self.clients.hot_dynamodb(), table) if table else UnkeptUses()
        return Activity(store, self.clock)

    @cached_property
    def batch_consumer(self) -> BatchConsumer:
        """The queue's consumer."""
        return BatchConsumer(
            service=self.service,
            results=S3Results(self.clients.s3(), self.resources.results_bucket),
            uploads=self.uploads,
            dead_letters=SqsDeadLetters(self.clients.sqs(), self.resources.dead_letter_queue),
            clock=self.clock,
        )

    @cached_property
    def uploads(self) -> Uploads | None:
        """What tenants may put and name, where there is a bucket for it."""
        bucket = self.resources.inputs_bucket
        return Uploads(S3Inputs(self.clients.s3(), bucket), self.clock) if bucket else None

    @cached_property
    def large_answers(self) -> LargeAnswers | None:
        """Answers over Lambda's limit, where there is a bucket for them."""
        bucket = self.resources.results_bucket
        return LargeAnswers(S3Answers(self.clients.s3(), bucket), self.clock) if bucket else None
