"""What must never be, and who notices: one alarm for each kind of finding, and for the machinery.

Each says in its description what it means. A metric without data is no alarm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_sqs as sqs

    from infra.constructs.handler import Handler

NAMESPACE = "infermeter"

# By the names under which reconcile, spool and archive tell of them.
FINDINGS = {
    "duplicate": "a request is charged more than once",
    "modified": "an entry of the ledger was changed or deleted before its time",
    "spool-age": "entries wait too long for the ledger",
    "outbox-age": "sealed usage waits too long for its receiver",
    "unrecorded": "a delivered answer has no entry in the ledger",
    "undelivered": "an entry has no delivered answer",
    "late": "an entry's hour was sealed without it",
    "unsealed": "an hour is not sealed in time",
    "conflict": "a spooled charge met another under its request id",
    "incomplete": "the logs do not show whether a charge was answered for",
}

SPOOL_AGE_S = 900
ITERATOR_AGE_MS = 900_000


class MeteringAlarms(Construct):
    """The alarms over findings, spool, stream and functions (by their names)."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        spool: sqs.IQueue,
        failures: sqs.IQueue,
        functions: Mapping[str, Handler],
    ) -> None:
        super().__init__(scope, construct_id)
        for kind, meaning in FINDINGS.items():
            metric = cloudwatch.Metric(
                namespace=NAMESPACE,
                metric_name="Findings",
                dimensions_map={"finding": kind},
                statistic="Sum",
                period=Duration.hours(1),
            )
            self._alarm(_pascal(kind), metric, f"finding {kind}: {meaning}")
        age = spool.metric_approximate_age_of_oldest_message(
            statistic="Maximum", period=Duration.minutes(5)
        )
        self._alarm("Spool", age, "entries wait for the ledger, and are not put", above=SPOOL_AGE_S)
        behind = functions["archive"].function.metric(
            "IteratorAge", statistic="Maximum", period=Duration.minutes(5)
        )
        self._alarm("Stream", behind, "the archive lags behind the ledger", above=ITERATOR_AGE_MS)
        lost = failures.metric_approximate_number_of_messages_visible(
            statistic="Maximum", period=Duration.minutes(5)
        )
        self._alarm("Failures", lost, "a batch of the stream was given up: see the queue")
        for name, handler in functions.items():
            errors = handler.function.metric_errors(period=Duration.minutes(5))
            self._alarm(f"{_pascal(name)}Errors", errors, f"function {name} failed: see its log")

    def _alarm(
        self, construct_id: str, metric: cloudwatch.IMetric, meaning: str, *, above: int = 0
    ) -> None:
        cloudwatch.Alarm(
            self,
            construct_id,
            alarm_description=f"{meaning[0].upper()}{meaning[1:]}",
            metric=metric,
            threshold=above,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))
