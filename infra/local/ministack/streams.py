"""DynamoDB streams: an event source's batching window, which MiniStack passes over.

What else it lacks: a batch that fails comes again whole, also where the mapping says to halve it.
"""
# ruff: noqa: SLF001 - private names are this package's subject

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ministack.core import responses
from ministack.services import dynamodb, lambda_svc

if TYPE_CHECKING:
    from collections.abc import Mapping


def gather_batches() -> None:
    """Hold a stream's records back until the batch is full or the first one has waited."""
    poll = lambda_svc._poll_dynamodb_streams

    def poll_what_is_due() -> Any:
        for account, region, mapping in lambda_svc._iter_all_esms():
            if ":dynamodb:" in mapping["EventSourceArn"]:
                tokens = (
                    responses._request_account_id.set(account),
                    responses._request_region.set(region),
                )
                _hold(mapping)
                responses._request_account_id.reset(tokens[0])
                responses._request_region.reset(tokens[1])
        return poll()

    lambda_svc._poll_dynamodb_streams = poll_what_is_due


def _hold(mapping: Mapping[str, Any]) -> None:
    """Have the poller pass over the mapping, as after a failure, while its window lasts."""
    window_s, size = mapping["MaximumBatchingWindowInSeconds"], mapping["BatchSize"]
    position = lambda_svc._dynamodb_stream_positions.get(mapping["UUID"])
    if not window_s or position is None:
        return
    table = mapping["EventSourceArn"].split("/")[1]
    waiting = dynamodb.stream_records_since(table, position, size)
    if not waiting or len(waiting) >= size:
        return
    due = float(waiting[0]["dynamodb"]["ApproximateCreationDateTime"]) + window_s
    if due > time.time():
        lambda_svc._esm_backoff_until[mapping["UUID"]] = due
