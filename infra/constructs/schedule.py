"""Functions that run by the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets

if TYPE_CHECKING:
    from infra.constructs.handler import Handler


def run_every(handler: Handler, minutes: int) -> None:
    """Invoke the function at this interval."""
    events.Rule(
        handler,
        "Schedule",
        schedule=events.Schedule.rate(Duration.minutes(minutes)),
        targets=[targets.LambdaFunction(handler.function)],
    )
