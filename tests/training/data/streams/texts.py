"""Sentences of a few words, where what follows what can be learned."""

from __future__ import annotations

import csv
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WHO = ("king", "priest", "people", "sea", "hill", "fire", "word", "house")
DID = ("saw", "took", "made", "gave", "left")


def texts(count: int, seed: int = 0) -> list[str]:
    """Of three to eight sentences each, no two alike."""
    draw = random.Random(seed)  # noqa: S311  # texts are no secret

    def sentence() -> str:
        return f"And the {draw.choice(WHO)} {draw.choice(DID)} the {draw.choice(WHO)}."

    found: dict[str, None] = {}
    while len(found) < count:
        found[" ".join(sentence() for _ in range(draw.randint(3, 8)))] = None
    return list(found)


def write_table(rows: Sequence[str], file: Path) -> Path:
    """A CSV file of one column, `text`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(["text"])
        writer.writerows([row] for row in rows)
    return file
