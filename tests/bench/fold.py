"""What it takes to fold an hour of a million entries: `python -m tests.bench.fold [count]`.

Of the archive, as it keeps them: decompressing is in the time. Of the table, a tenth of them, as
DynamoDB's answers have them: reading the JSON is in the time, the network is not.
"""

from __future__ import annotations

import gzip
import resource
import sys
import time
from typing import TYPE_CHECKING

import orjson

from infermeter.adapters.items import to_item
from infermeter.adapters.ledger import _row, entry_of
from infermeter.metering.archive import line_of
from infermeter.metering.fold import fold, fold_lines
from infermeter.metering.hours import bounds_of
from infermeter.metering.ids import Channel, derive_id
from infermeter.metering.ledger import LedgerEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = "2026010112"
BATCH = 10_000
PAGE = 2_500
TENANTS, KEYS, MODELS = 20, 5, 4


def archived(count: int) -> list[bytes]:
    """Objects of the archive, `BATCH` entries each."""
    start, _ = bounds_of(HOUR)
    objects = []
    for first in range(0, count, BATCH):
        lines = [line_of(numbered_entry(number, start)) for number in range(first, first + BATCH)]
        objects.append(gzip.compress(b"\n".join(lines), compresslevel=6, mtime=0))
    return objects


def numbered_entry(number: int, start: int) -> LedgerEntry:
    """One of the hour that begins at `start`, in epoch milliseconds."""
    committed = start + number * 3_600_000 // 10_000_000
    return LedgerEntry(
        tenant=f"tenant-{number % TENANTS}",
        request_id=derive_id(committed, str(number)),
        key_id=f"KEYKEYKEY{number % KEYS:03}",
        model=f"classifier-{number % MODELS}",
        version="7",
        unit="row",
        units=number % 9 + 1,
        rows=number % 9 + 1,
        bytes_in=612,
        bytes_out=1_034,
        milliseconds=3,
        channel=Channel.HTTP,
        payload_hash=f"{number:032x}",
        nonce=f"{number * 7:032x}",
        committed_ms=committed,
        gateway_id="01234567-89ab-cdef-0123-456789abcdef",
        lease="LS0123456789",
        price="pro:3",
    )


def _lines(objects: list[bytes]) -> Iterator[bytes]:
    for each in objects:
        yield from gzip.decompress(each).splitlines()


def _read_table(count: int) -> float:
    """Seconds to fold one tenant's items, page by page."""
    start, _ = bounds_of(HOUR)
    seconds = 0.0
    for first in range(0, count, PAGE):
        numbers = range(first * TENANTS, (first + PAGE) * TENANTS, TENANTS)
        page = orjson.dumps(
            {"Items": [to_item(_row(numbered_entry(each, start))) for each in numbers]}
        )
        started = time.perf_counter()
        entries = [entry_of(item) for item in orjson.loads(page)["Items"]]
        folded = fold("tenant-0", HOUR, entries)
        seconds += time.perf_counter() - started
        assert folded.summary.count == PAGE, f"expected {PAGE} entries, got {folded.summary.count}"
    return seconds


def main() -> None:
    """Prints entries, seconds and the process's peak memory."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    objects = archived(count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    folds = fold_lines(HOUR, _lines(objects))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counted = sum(each.summary.count for each in folds.values())
    assert counted == count, f"expected {count} entries, got {counted}"
    size = sum(map(len, objects)) / 1e6
    sys.stdout.write(
        f"{counted} entries, {size:.0f} MB compressed, of {len(folds)} tenants: {seconds:.1f} s; "
        f"peak {peak / 1024:.0f} MB, {before / 1024:.0f} MB before the fold\n"
    )
    items = count // 10
    sys.stdout.write(f"{items} items of the table: {_read_table(items):.1f} s\n")


if __name__ == "__main__":
    main()
