"""DynamoDB streams: an event source's batching window, which MiniStack passes over, and what was
not read when the server went down, which it forgets.

What else it lacks: a batch that fails comes again whole, also where the mapping says to halve it.
"""
# ruff: noqa: SLF001 - private names are this package's subject

from __future__ import annotations

import copy
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


def keep_unread() -> None:
    """Keep with the tables' state what their streams' event sources have not read yet.

    Their places in the streams are kept by MiniStack: without the records before them they would
    pass over as many new ones.
    """
    get_state, load_state = dynamodb.get_state, dynamodb.load_persisted_state

    def get_with_streams() -> dict[str, Any]:
        return {**get_state(), **_unread()}

    def load_with_streams(data: Mapping[str, Any]) -> None:
        load_state(data)
        dynamodb._stream_records.update(data.get("stream_records", {}))
        dynamodb._stream_trimmed.update(data.get("stream_trimmed", {}))

    dynamodb.get_state, dynamodb.load_persisted_state = get_with_streams, load_with_streams


def _unread() -> dict[str, Any]:
    """The streams, each from the first record on that an event source has still to read."""
    records, trimmed = responses.AccountRegionScopedDict(), responses.AccountRegionScopedDict()
    for (account, region, table), held in dynamodb._stream_records.all_items():
        beginning = dynamodb._stream_trimmed.get_scoped(account, region, table, 0)
        read = _read_up_to(account, region, table)
        first = max(beginning, beginning + len(held) if read is None else read)
        records.set_scoped(account, region, table, copy.deepcopy(held[first - beginning :]))
        trimmed.set_scoped(account, region, table, first)
    return {"stream_records": records, "stream_trimmed": trimmed}


def _read_up_to(account: str, region: str, table: str) -> int | None:
    """The least position of the table's event sources; None where it has none."""
    positions = [
        lambda_svc._dynamodb_stream_positions.get_scoped(account, region, mapping["UUID"], 0)
        for where, place, mapping in lambda_svc._iter_all_esms()
        if (where, place) == (account, region)
        and f":table/{table}/stream/" in mapping["EventSourceArn"]
    ]
    return min(positions, default=None)


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
