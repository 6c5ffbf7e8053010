"""Who the local stack's user is: MiniStack takes a 12-digit access key id as the account."""

from __future__ import annotations

import boto3

ACCOUNT = "000000000000"
SECRET = ACCOUNT  # checked in presigned URLs alone
REGION = "us-east-1"


def local_session() -> boto3.Session:
    """A session with the rights of the local account; the endpoint goes to each client."""
    return boto3.Session(
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key=SECRET,
        region_name=REGION,
    )
