"""What follows the put, for a million entries of an hour: archive, two folds, the seal.

    python -m tests.bench.downstream [--entries 100000]

Each step's time is measured here over memory, with real stream records and real items; requests and
read units are counted from what the step asks for. Prices are those of us-east-1 as of 2026-11.
"""

from __future__ import annotations

import argparse
import gzip
import time
from dataclasses import dataclass
from typing import Any

import orjson

from infermeter.adapters.archive import change_of
from infermeter.adapters.items import to_item
from infermeter.adapters.ledger import _row, entry_of
from infermeter.metering.archive import Archiver
from infermeter.metering.fold import fold, fold_lines
from infermeter.metering.hours import bounds_of
from tests.bench.capacity import item_size
from tests.bench.fold import HOUR, numbered_entry
from tests.bench.report import print_table
from tests.ports_metering import MemoryArchive, MemoryFindings

READ_UNIT_USD, PUT_USD, GET_USD = 0.125e-6, 5e-6, 0.4e-6
GB_SECOND_USD, INVOCATION_USD = 1.66667e-5, 0.2e-6
ARCHIVE_GB, FOLD_GB = 0.5, 2.9375  # infra/settings.toml
STREAM_BATCH = 1000
PAGE_BYTES = 1024 * 1024
MILLION = 1_000_000


@dataclass(frozen=True)
class Step:
    """One step, for a million entries."""

    name: str
    seconds: float
    asked: str
    usd: float


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    count = parser.parse_args().entries
    start, _ = bounds_of(HOUR)
    items = [to_item(_row(numbered_entry(number * 20, start))) for number in range(count)]
    steps = measure(items)
    print_table(
        "What follows the put, per million entries",
        ["step", "seconds here", "asked for", "$"],
        [[step.name, f"{step.seconds:.1f}", step.asked, f"{step.usd:.4f}"] for step in steps],
        note=f"in all ${sum(step.usd for step in steps):.3f}; the put itself is $0.625",
    )


def measure(items: list[dict[str, Any]]) -> list[Step]:
    """The steps over so many items of one tenant's hour."""
    scale = MILLION / len(items)
    archive = MemoryArchive()
    archived = _archive(archive, items) * scale
    objects = [gzip.compress(b"\n".join(lines)) for lines in archive.objects[HOUR].values()]
    started = time.perf_counter()
    folds = fold_lines(
        HOUR, (line for each in objects for line in gzip.decompress(each).splitlines())
    )
    of_archive = (time.perf_counter() - started) * scale
    of_table = _fold_table(items) * scale
    assert folds["tenant-0"].summary.count == len(items)
    puts = MILLION / STREAM_BATCH
    read_units = MILLION * sum(map(item_size, items[:1000])) / 1000 / 4096
    return [
        Step(
            "archive",
            archived,
            f"{puts:,.0f} objects put",
            puts * (PUT_USD + INVOCATION_USD) + archived * ARCHIVE_GB * GB_SECOND_USD,
        ),
        Step(
            "fold of the archive",
            of_archive,
            f"{puts:,.0f} objects got",
            puts * GET_USD + of_archive * FOLD_GB * GB_SECOND_USD,
        ),
        Step(
            "fold of the table",
            of_table,
            f"{read_units:,.0f} read units",
            read_units * READ_UNIT_USD + of_table * FOLD_GB * GB_SECOND_USD,
        ),
    ]


def _archive(archive: MemoryArchive, items: list[dict[str, Any]]) -> float:
    """Seconds to archive the items' stream, batch by batch, compression included."""
    archiver, seconds = Archiver(archive, MemoryFindings()), 0.0
    for first in range(0, len(items), STREAM_BATCH):
        records = [
            {
                "eventName": "INSERT",
                "dynamodb": {
                    "Keys": {name: item[name] for name in ("pk", "sk")},
                    "NewImage": item,
                    "SequenceNumber": f"{first + number:021d}",
                },
            }
            for number, item in enumerate(items[first : first + STREAM_BATCH])
        ]
        event = orjson.dumps(records)
        started = time.perf_counter()
        archiver.keep([change_of(record) for record in orjson.loads(event)])
        seconds += time.perf_counter() - started
    started = time.perf_counter()
    for lines in archive.objects[HOUR].values():
        gzip.compress(b"\n".join(lines))
    return seconds + time.perf_counter() - started


def _fold_table(items: list[dict[str, Any]]) -> float:
    page = PAGE_BYTES // item_size(items[0])
    answers = [
        orjson.dumps({"Items": items[first : first + page]}) for first in range(0, len(items), page)
    ]
    started = time.perf_counter()
    entries = (entry_of(item) for answer in answers for item in orjson.loads(answer)["Items"])
    folded = fold("tenant-0", HOUR, entries)
    seconds = time.perf_counter() - started
    assert folded.summary.count == len(items)
    return seconds


if __name__ == "__main__":
    main()
