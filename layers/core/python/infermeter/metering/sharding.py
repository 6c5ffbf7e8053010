"""Shards: how many partitions an hour of a tenant's ledger is divided into.

A partition takes some 1,000 writes a second. The count of an hour that has begun never changes: so
whoever asks, whenever, finds an entry's place by its id's own hour, and in the index by its commit
hour.

A change is for an hour that begins at least two whole hours later. Nobody puts into it, or reads
it, by what was known before: a tenant's row is remembered for half a minute, what was authenticated
by it is put within a quarter of an hour, an id is five minutes ahead of the clock at most, and AWS
answers nobody whose clock is wrong by more than another quarter. A change that is a whole hour
away can be taken back for the same reason; a nearer one takes effect, whatever follows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from infermeter.errors import InvalidRequest
from infermeter.metering.hours import after, hour_of

SHARD_COUNTS = (1, 16, 256)
# After the hour under way: two whole ones to be put into a change, one to take it back.
_AHEAD, _REVOCABLE = 3, 2


class ShardChange(NamedTuple):
    """From this hour (`yyyymmddhh`) on, so many shards."""

    hour: str
    shards: int


@dataclass(frozen=True, slots=True)
class Sharding:
    """A tenant's changes, the oldest first; one shard before them."""

    changes: tuple[ShardChange, ...] = ()

    def count(self, hour: str) -> int:
        """How many shards an hour has."""
        for change in reversed(self.changes):
            if change.hour <= hour:
                return change.shards
        return 1

    def shard(self, hour: str, digest: str) -> int:
        """Of an hour, the shard of an id whose SHA-256 has this hex digest."""
        if not self.changes:
            return 0
        return int(digest[:2], 16) % self.count(hour)

    def changed(self, count: int, now_ms: int) -> Sharding:
        """With `count` shards from `first_open(now_ms)` on, in place of a change that can still be
        taken back. What is to come in any case is not put off. Raises InvalidRequest."""
        if count not in SHARD_COUNTS:
            expected = ", ".join(map(str, SHARD_COUNTS))
            raise InvalidRequest(f"shards: expected one of {expected}, got {count}")
        if _latest(self.changes) == count:
            return self
        revocable = after(hour_of(now_ms), _REVOCABLE)
        fixed = tuple(change for change in self.changes if change.hour < revocable)
        if _latest(fixed) == count:
            return Sharding(fixed)
        return Sharding((*fixed, ShardChange(first_open(now_ms), count)))


ONE_SHARD = Sharding()


def first_open(now_ms: int) -> str:
    """The first hour for which a change may be made now."""
    return after(hour_of(now_ms), _AHEAD)


def _latest(changes: tuple[ShardChange, ...]) -> int:
    return changes[-1].shards if changes else 1
