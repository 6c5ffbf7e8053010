"""Who works with the account, for the audit trail."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient


def caller(client: STSClient) -> str:
    """The IAM identity and the user of this machine; where IAM does not tell, the user alone."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container may have no name for its user
        user = "unknown"
    try:
        return f"{client.get_caller_identity()['Arn']} ({user})"
    except (BotoCoreError, ClientError):
        return user
