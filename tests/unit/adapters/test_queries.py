"""Queries of many partitions."""

from __future__ import annotations

from collections import Counter
from threading import Barrier
from typing import Any

import pytest

from infermeter.adapters.queries import _AT_ONCE, items


class Table:
    """A client whose query `n` finds `n % 4` items, one on each page; `together`, once it is set,
    lets first pages through so many at a time."""

    def __init__(self, together: Barrier | None = None) -> None:
        self.together = together
        self.asked: Counter[int] = Counter()

    def query(self, **call: Any) -> dict[str, Any]:
        number, seen = call["number"], call.get("ExclusiveStartKey", 0)
        self.asked[number] += 1
        if self.together and not seen:
            self.together.wait(timeout=10)
        if number % 4 == 0:
            return {"Items": []}
        last = seen + 1
        more = {"LastEvaluatedKey": last} if last < number % 4 else {}
        return {"Items": [{"number": number, "item": last}], **more}

    def get_paginator(self, _: str) -> Table:
        return self

    def paginate(self, **call: Any) -> Any:
        while True:
            page = self.query(**call)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            call["ExclusiveStartKey"] = page["LastEvaluatedKey"]


@pytest.mark.parametrize("count", [1, 2, _AT_ONCE - 1, _AT_ONCE, 32, 512])
def test_each_query_is_read_to_its_end_in_order(count: int) -> None:
    table: Any = Table()
    found = list(items(table, [{"number": number} for number in range(count)]))
    assert found == [
        {"number": number, "item": item}
        for number in range(count)
        for item in range(1, number % 4 + 1)
    ]
    assert table.asked == {number: max(1, number % 4) for number in range(count)}


def test_the_first_pages_of_many_are_read_side_by_side() -> None:
    # Read one after the other, none of them would ever pass.
    table: Any = Table(Barrier(_AT_ONCE))
    assert list(items(table, [{"number": 4}] * 2 * _AT_ONCE)) == []
