"""A bucket that only its account reads, encrypted, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3
from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk import RemovalPolicy

ABANDONED = Duration.days(7)
SUPERSEDED = Duration.days(30)


class PrivateBucket(Construct):
    """One bucket; `expires` is the age at which its objects are deleted.

    An `announced` bucket sends an event for each object to the account's default event bus.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        removal_policy: RemovalPolicy,
        versioned: bool = False,
        announced: bool = False,
        expires: Duration | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=removal_policy,
            versioned=versioned,
        )
        self.bucket.add_lifecycle_rule(
            abort_incomplete_multipart_upload_after=ABANDONED,
            expiration=expires,
            noncurrent_version_expiration=SUPERSEDED if versioned else None,
        )
        if announced:
            # The bucket's own flag would do this with a custom resource and its function.
            template = cast("s3.CfnBucket", self.bucket.node.default_child)
            template.add_property_override(
                "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True
            )
