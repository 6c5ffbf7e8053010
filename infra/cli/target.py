"""Where a command works: on the running local stack, or on a deployed one.

Either way the resources are found from the stacks' outputs, and reached with credentials of the
session alone: there is no administrative HTTP API.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, overload

import boto3
import typer
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

    from infermeter.wiring.operator import OperatorWiring

DEFAULT_STACK = "infermeter"
PARTS = ("storage", "serving", "metering", "training")

Profile = Annotated[
    str | None, typer.Option(help="AWS profile of a deployed stack (default: the local stack).")
]
Stack = Annotated[
    str | None, typer.Option(help=f"Name of a deployed stack (default: {DEFAULT_STACK}).")
]
Region = Annotated[str | None, typer.Option(help="AWS region of a deployed stack.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


class TargetError(Exception):
    """There is no stack to work on, or not the one that was named; one line."""


@dataclass(frozen=True, slots=True)
class Target:
    """A stack: how to reach it, and its merged outputs. `url` is what customers call."""

    local: bool
    session: boto3.Session
    endpoint: str | None
    outputs: Mapping[str, str]
    url: str

    def output(self, name: str) -> str:
        """An output's value; TargetError when the stack has none of this name."""
        if name not in self.outputs:
            raise TargetError(f"stack output {name}: expected one, got none; deploy this version")
        return self.outputs[name]

    def wiring(self) -> OperatorWiring:
        """The core over this stack's resources, with the operator's own rights."""
        from infermeter.adapters.clients import Clients
        from infermeter.wiring.operator import OperatorWiring
        from infermeter.wiring.resources import Resources

        resources = Resources(
            control_table=self.output("ControlTable"),
            ledger_table=self.output("LedgerTable"),
            limits_table=self.output("LimitsTable"),
            registry_table=self.output("RegistryTable"),
            statistics_table=self.output("StatisticsTable"),
            usage_table=self.output("UsageTable"),
            archive_bucket=self.output("ArchiveBucket"),
            inputs_bucket=self.output("InputsBucket"),
            models_bucket=self.output("ModelsBucket"),
            results_bucket=self.output("ResultsBucket"),
            training_bucket=self.output("TrainingBucket"),
            pepper_secret=self.output("PepperSecret"),
            export_secret=self.output("ExportSecret"),
            dead_letter_queue=self.output("DeadLetterQueueUrl"),
            spool_queue=self.output("SpoolQueueUrl"),
            access_log=self.output("AccessLog"),
            function_log=self.output("InferLog"),
        )
        return OperatorWiring(
            resources, clients=Clients(partial(self.session.client, endpoint_url=self.endpoint))
        )

    @overload
    def client(self, service: Literal["lambda"]) -> LambdaClient: ...
    @overload
    def client(self, service: Literal["logs"]) -> CloudWatchLogsClient: ...
    @overload
    def client(self, service: Literal["s3"]) -> S3Client: ...
    @overload
    def client(self, service: Literal["sqs"]) -> SQSClient: ...
    @overload
    def client(self, service: Literal["stepfunctions"]) -> SFNClient: ...
    def client(self, service: Any) -> Any:
        """An AWS client for this stack."""
        return self.session.client(service, endpoint_url=self.endpoint)


def find_target(
    profile: str | None = None, stack: str | None = None, region: str | None = None
) -> Target:
    """The deployed stack where one is named, else the local stack.

    Raises TargetError when it does not run, or is not deployed.
    """
    if profile is None and stack is None and region is None:
        return _local()
    session = boto3.Session(profile_name=profile, region_name=region)
    outputs = _deployed_outputs(session, stack or DEFAULT_STACK)
    return Target(False, session, None, outputs, outputs["ApiUrl"].rstrip("/"))


def _local() -> Target:
    from infra.local import stack

    status = stack.status()
    if not status.ready or status.url is None:
        raise TargetError(
            "no local stack is running: start it with 'infermeter up', or name a deployed one "
            "with --profile and --stack"
        )
    session, endpoint = stack.session()
    return Target(True, session, endpoint, status.outputs, status.url)


def _deployed_outputs(session: boto3.Session, name: str) -> dict[str, str]:
    client = session.client("cloudformation")
    outputs: dict[str, str] = {}
    for part in PARTS:
        try:
            described = client.describe_stacks(StackName=f"{name}-{part}")["Stacks"][0]
        except ClientError as error:
            raise TargetError(
                f"stack {name}-{part}: expected it in {session.region_name}, got: "
                f"{error.response['Error'].get('Message', error)}"
            ) from None
        for output in described.get("Outputs", []):
            outputs[output["OutputKey"]] = output["OutputValue"]
    return outputs
