"""The ledger table.

`pk = L#<tenant>#<hour of the id>#<shard>` (`O#<tenant>#<2 hex>` for opaque ids),
`sk = <8 hex of the id's hash>#<id>`. The shard is the hash's first byte, modulo how many the hour
has. Attribute names are short: a put costs by the kilobyte and a fold reads by the page. An entry
whose id's hour is not its commit hour, and every opaque one, also carries `g1pk`, the key of the
sparse index by commit hour, in the form of `pk`. An adjustment lies beside its charge,
`sk = ADJ#<8 hex>#<id>#<n>`, a carry as `CAR#<8 hex>#<id>#<n>`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from infermeter.adapters.clients import code_of, translated
from infermeter.adapters.items import to_item
from infermeter.adapters.queries import items
from infermeter.errors import LedgerUnavailable, StoreUnavailable
from infermeter.metering.hours import bounds_of, hour_of
from infermeter.metering.ids import LEDGER_TTL_S, Channel, recorded_id
from infermeter.metering.ledger import ABANDONED_S, Kind, LedgerEntry
from infermeter.metering.sharding import ONE_SHARD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from infermeter.metering.ids import RequestId
    from infermeter.metering.sharding import Sharding

COMMIT_HOUR_INDEX = "commit-hour"
_BEGINNINGS = {Kind.ADJUSTMENT: "ADJ#", Kind.CARRY: "CAR#"}


class DynamoLedger:
    """The `Ledger` and its reader over a table; the client gives up within the put's budget.

    `sharding` tells that of a tenant, for whatever is put without it, or read.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        sharding: Callable[[str], Sharding],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._table = client, table
        self._sharding, self._clock = sharding, clock

    def put(self, entry: LedgerEntry) -> LedgerEntry | None:
        """One conditional write. Raises LedgerUnavailable when its outcome is not known, and
        without an attempt for an entry committed over a minute ago: an hour is sealed some time
        after its end, and nothing may come later."""
        if self._clock() - entry.committed_ms / 1000 > ABANDONED_S:
            raise LedgerUnavailable
        try:
            sharding = self._sharding(entry.tenant) if entry.sharding is None else entry.sharding
            self._client.put_item(
                TableName=self._table,
                Item=to_item(_row(entry, sharding)),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise LedgerUnavailable from error
            standing: dict[str, Any] = dict(error.response)
            return entry_of(standing["Item"])
        except (BotoCoreError, StoreUnavailable) as error:
            raise LedgerUnavailable from error
        return None

    def of_request(self, tenant: str, request_id: RequestId) -> list[LedgerEntry]:
        """The charge under an id, and what concerns it."""
        digest = request_id.sha256()
        place = _bucket(tenant, request_id, digest, self._sharding(tenant))
        begins = f"{digest[:8]}#{request_id.text}"
        queries = [
            self._query(None, place, f"{kind}{begins}") for kind in ("", *_BEGINNINGS.values())
        ]
        return [entry for entry in self._found(queries) if entry.request_id == request_id]

    def committed(self, tenant: str, hour: str) -> Iterator[LedgerEntry]:
        """The hour's own shards, less what was committed in another hour, and the index's."""
        start, end = bounds_of(hour)
        shards = range(self._sharding(tenant).count(hour))
        places = [_shard(tenant, hour, shard) for shard in shards]
        queries = [
            self._query(index, place) for index in (None, COMMIT_HOUR_INDEX) for place in places
        ]
        for entry in self._found(queries):
            if start <= entry.committed_ms < end:
                yield entry

    def _query(self, index: str | None, place: str, begins: str = "") -> dict[str, Any]:
        attribute = "pk" if index is None else "g1pk"
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": f"{attribute} = :value",
            "ExpressionAttributeValues": {":value": {"S": place}},
        }
        if begins:
            query["KeyConditionExpression"] += " AND begins_with(sk, :begins)"
            query["ExpressionAttributeValues"][":begins"] = {"S": begins}
        if index is None:
            query["ConsistentRead"] = True
        else:
            query["IndexName"] = index
        return query

    def _found(self, queries: Sequence[Mapping[str, Any]]) -> Iterator[LedgerEntry]:
        # The table deletes what has expired within days, in any order: a charge may outlast its
        # adjustment.
        forgotten_ms = (self._clock() - LEDGER_TTL_S) * 1000
        with translated("ledger table"):
            for item in items(self._client, queries):
                entry = _entry(item)
                if entry.committed_ms > forgotten_ms:
                    yield entry


def _shard(tenant: str, hour: str, shard: int) -> str:
    return f"L#{tenant}#{hour}#{shard}"


def _bucket(tenant: str, request_id: RequestId, digest: str, sharding: Sharding) -> str:
    if request_id.time_ms is None:
        return f"O#{tenant}#{digest[:2]}"
    hour = hour_of(request_id.time_ms)
    return _shard(tenant, hour, sharding.shard(hour, digest))


def _sort_key(entry: LedgerEntry, digest: str) -> str:
    place = f"{digest[:8]}#{entry.request_id.text}"
    if entry.kind is Kind.CHARGE:
        return place
    return f"{_BEGINNINGS[entry.kind]}{place}#{entry.number}"


def _row(entry: LedgerEntry, sharding: Sharding = ONE_SHARD) -> dict[str, Any]:
    digest, hour = entry.request_id.sha256(), hour_of(entry.committed_ms)
    by_commit = _shard(entry.tenant, hour, sharding.shard(hour, digest))
    bucket = _bucket(entry.tenant, entry.request_id, digest, sharding)
    return {
        "pk": bucket,
        "sk": _sort_key(entry, digest),
        "g1pk": by_commit if by_commit != bucket else None,
        "t": entry.kind.value,
        "k": entry.key_id,
        "m": entry.model,
        "v": entry.version,
        "un": entry.unit,
        "q": entry.requests if entry.kind is not Kind.CHARGE else None,
        "u": entry.units,
        "r": entry.rows,
        "tk": entry.tokens or None,
        "bi": entry.bytes_in,
        "bo": entry.bytes_out,
        "ms": entry.milliseconds,
        "ch": entry.channel.value,
        "h": entry.payload_hash,
        "n": entry.nonce,
        "g": entry.gateway_id or None,
        "l": entry.lease or None,
        "p": entry.price or None,
        "why": entry.reason or None,
        "ct": entry.committed_ms,
        "ex": entry.committed_ms // 1000 + LEDGER_TTL_S,
    }


def _entry(item: dict[str, Any]) -> LedgerEntry:
    try:
        return entry_of(item)
    except (KeyError, ValueError, IndexError) as error:
        # Whoever put it, it must be neither billed nor left out in silence.
        place = f"{item['pk']} {item['sk']}"
        raise StoreUnavailable(
            f"ledger table: expected an entry at {place}, got an item of another form ({error!r})"
        ) from error


def entry_of(item: dict[str, Any]) -> LedgerEntry:
    """The entry of an item as DynamoDB's answers and stream records have it.

    Raises KeyError, ValueError or IndexError for one that is none.
    """
    # Each attribute by itself: a fold of the table makes a million of these.
    kind = Kind(item["t"]["S"])
    text = item["sk"]["S"].split("#", 2 if kind is not Kind.CHARGE else 1)[-1]
    number = 0
    if kind is not Kind.CHARGE:
        text, _, digits = text.rpartition("#")
        number = int(digits)
    return LedgerEntry(
        tenant=item["pk"]["S"].split("#")[1],
        request_id=recorded_id(text),
        key_id=item["k"]["S"],
        model=item["m"]["S"],
        version=item["v"]["S"],
        unit=item["un"]["S"],
        units=int(item["u"]["N"]),
        rows=int(item["r"]["N"]),
        bytes_in=int(item["bi"]["N"]),
        bytes_out=int(item["bo"]["N"]),
        milliseconds=int(item["ms"]["N"]),
        channel=Channel(item["ch"]["S"]),
        payload_hash=item["h"]["S"],
        nonce=item["n"]["S"],
        committed_ms=int(item["ct"]["N"]),
        gateway_id=_text(item, "g"),
        tokens=_count(item, "tk", 0),
        lease=_text(item, "l"),
        price=_text(item, "p"),
        kind=kind,
        requests=_count(item, "q", 1),
        number=number,
        reason=_text(item, "why"),
    )


def _text(item: dict[str, Any], name: str) -> str:
    value: str = item[name]["S"] if name in item else ""
    return value


def _count(item: dict[str, Any], name: str, default: int) -> int:
    return int(item[name]["N"]) if name in item else default
