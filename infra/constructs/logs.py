"""Log groups that forget."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

if TYPE_CHECKING:
    from constructs import Construct


def log_group(scope: Construct, construct_id: str, *, days: int) -> logs.LogGroup:
    """Return a log group that keeps its events for some days, and goes with its stack."""
    group = logs.LogGroup(scope, construct_id, removal_policy=RemovalPolicy.DESTROY)
    cast("logs.CfnLogGroup", group.node.default_child).retention_in_days = days
    return group
