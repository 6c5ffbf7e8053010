"""Deploys a cloud assembly with CloudFormation's own API: no CDK command line, no Node."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import uuid4

from botocore.exceptions import ClientError

from infra.local.assembly import read_assembly
from infra.local.errors import DeploymentFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import boto3
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client

    from infra.local.assembly import Asset, Stack

_BOOTSTRAP_VERSION = "30"  # of the CDK's bootstrap stack, which templates ask for
_POLL_S = 0.1
_NO_CHANGE = ("didn't contain changes", "No updates are to be performed")
_DEAD_ENDS = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")


class Deployment:
    """Deploys to the account and region of `session`, at `endpoint` if that is given."""

    def __init__(
        self, session: boto3.Session, endpoint: str | None, progress: Callable[[str], None]
    ) -> None:
        self._cloudformation: CloudFormationClient = session.client(
            "cloudformation", endpoint_url=endpoint
        )
        self._s3: S3Client = session.client("s3", endpoint_url=endpoint)
        self._ssm = session.client("ssm", endpoint_url=endpoint)
        self._account = session.client("sts", endpoint_url=endpoint).get_caller_identity()[
            "Account"
        ]
        self._region = session.region_name or ""
        self._progress = progress

    def run(self, assembly: Path) -> dict[str, str]:
        """Create or update every stack; the outputs of all, merged.

        Raises DeploymentFailed with the reason of the first resource that failed.
        """
        outputs: dict[str, str] = {}
        for stack in read_assembly(assembly):
            self._progress(f"deploying {stack.name}")
            self._publish(stack)
            outputs |= self._deploy(stack)
        return outputs

    # ---- assets

    def _publish(self, stack: Stack) -> None:
        if stack.bootstrap_parameter:
            self._ssm.put_parameter(
                Name=stack.bootstrap_parameter,
                Value=_BOOTSTRAP_VERSION,
                Type="String",
                Overwrite=True,
            )
        for asset in stack.assets:
            bucket, key = self._resolve(asset.bucket), self._resolve(asset.key)
            if not self._bucket_exists(bucket):
                self._s3.create_bucket(Bucket=bucket)
            if not self._object_exists(bucket, key):  # keys are digests of the content
                self._s3.put_object(Bucket=bucket, Key=key, Body=asset.read())

    def _bucket_exists(self, bucket: str) -> bool:
        return _found(lambda: self._s3.head_bucket(Bucket=bucket))

    def _object_exists(self, bucket: str, key: str) -> bool:
        return _found(lambda: self._s3.head_object(Bucket=bucket, Key=key))

    def _resolve(self, text: str) -> str:
        values = {"AccountId": self._account, "Region": self._region, "Partition": "aws"}
        for name, value in values.items():
            text = text.replace(f"${{AWS::{name}}}", value)
        return text

    # ---- stacks

    def _deploy(self, stack: Stack) -> dict[str, str]:
        begin = f"deploy-{uuid4().hex}"
        kind = self._prepare(stack.name)
        source = self._template(stack.template_asset, stack.template)
        self._cloudformation.create_change_set(
            StackName=stack.name,
            ChangeSetName=begin,
            ChangeSetType=kind,  # type: ignore[arg-type]
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            **source,  # type: ignore[arg-type]
        )
        if self._change_set_is_empty(stack.name, begin):
            self._cloudformation.delete_change_set(StackName=stack.name, ChangeSetName=begin)
            return self._outputs(stack.name)
        seen = self._event_ids(stack.name)
        self._cloudformation.execute_change_set(StackName=stack.name, ChangeSetName=begin)
        status = self._wait(stack.name, f"{kind}_COMPLETE")
        if status != f"{kind}_COMPLETE":
            raise DeploymentFailed(stack.name, self._reason(stack.name, seen) or status)
        return self._outputs(stack.name)

    def _prepare(self, name: str) -> str:
        """CREATE or UPDATE; a stack whose creation failed is removed first."""
        status = self._status(name)
        if status in _DEAD_ENDS:
            self._cloudformation.delete_stack(StackName=name)
            self._wait(name, "DELETE_COMPLETE")
            status = None
        return "CREATE" if status in (None, "REVIEW_IN_PROGRESS", "DELETE_COMPLETE") else "UPDATE"

    def _template(self, asset: Asset | None, path: Path) -> dict[str, str]:
        if asset is None:
            return {"TemplateBody": path.read_text()}
        bucket, key = self._resolve(asset.bucket), self._resolve(asset.key)
        return {"TemplateURL": f"{self._s3.meta.endpoint_url}/{bucket}/{key}"}

    def _change_set_is_empty(self, name: str, change_set: str) -> bool:
        while True:
            answer = self._cloudformation.describe_change_set(
                StackName=name, ChangeSetName=change_set
            )
            if answer["Status"] == "CREATE_COMPLETE":
                return False
            if answer["Status"] == "FAILED":
                reason = answer.get("StatusReason", "the change set failed")
                if any(text in reason for text in _NO_CHANGE):
                    return True
                raise DeploymentFailed(name, reason)
            time.sleep(_POLL_S)

    def _wait(self, name: str, wanted: str) -> str:
        """The stack's status once it rests; a status may lag behind the request for it."""
        deadline = time.monotonic() + 2
        while True:
            status = self._status(name) or "DELETE_COMPLETE"
            resting = not status.endswith("_IN_PROGRESS")
            if resting and (status == wanted or time.monotonic() > deadline):
                return status
            time.sleep(_POLL_S)

    def _status(self, name: str) -> str | None:
        try:
            stacks = self._cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return stacks[0]["StackStatus"] if stacks else None

    def _outputs(self, name: str) -> dict[str, str]:
        stack = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return {
            item["OutputKey"]: item["OutputValue"]
            for item in stack.get("Outputs", [])
            if not item.get("ExportName")  # references between the stacks
        }

    def _event_ids(self, name: str) -> set[str]:
        events = self._cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return {event["EventId"] for event in events}

    def _reason(self, name: str, seen: set[str]) -> str:
        """Why the first resource failed that was not merely cancelled."""
        events = self._cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        for event in reversed(events):
            reason = " ".join(event.get("ResourceStatusReason", "").split())
            failed = event.get("ResourceStatus", "").endswith("_FAILED")
            own = event.get("PhysicalResourceId") == event["StackId"]
            if failed and not own and event["EventId"] not in seen and "cancelled" not in reason:
                return f"{event.get('LogicalResourceId')}: {reason or event['ResourceStatus']}"
        return self._validation_error(name)

    def _validation_error(self, name: str) -> str:
        """Why the change set was refused before it touched a resource."""
        events = self._cloudformation.describe_events(StackName=name)["OperationEvents"]
        for event in events:
            if reason := event.get("ValidationStatusReason"):
                return f"{event.get('LogicalResourceId')}: {reason}"
        return ""


def _found(head: Callable[[], object]) -> bool:
    try:
        head()
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True
