"""Transactions whose conditions may fail: that is an answer, and no error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infermeter.adapters.clients import code_of, translated
from infermeter.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient


def applied(client: DynamoDBClient, what: str, items: Sequence[Any]) -> bool:
    """Whether the transaction's conditions held; False, and nothing is changed, if one did not.

    The SDK's retries carry one token: a lost acknowledgement does not fail its own condition.
    Raises StoreUnavailable, naming what did not take it.
    """
    with translated(what):
        try:
            client.transact_write_items(TransactItems=items)
        except ClientError as error:
            if code_of(error) != "TransactionCanceledException":
                raise
            answer: Any = error.response
            reasons = {each.get("Code") for each in answer.get("CancellationReasons", ())}
            if "ConditionalCheckFailed" in reasons:
                return False
            why = ", ".join(sorted(str(each) for each in reasons - {"None", None}))
            raise StoreUnavailable(f"{what}: {why or code_of(error)}; retry") from error
    return True
