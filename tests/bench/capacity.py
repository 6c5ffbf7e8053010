"""Write capacity as DynamoDB counts it, from the requests themselves.

A write costs one unit for each kilobyte of the larger of the item before and after, a failed
condition as much, a transaction's part twice; so does the entry in each index that it touches.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

import math
from typing import Any

INDEX_KEY = "g1pk"
_UNIT_BYTES = 1024


def item_size(item: dict[str, dict[str, Any]]) -> int:
    """Bytes of an item: its names and its values."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(attribute: dict[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    if kind == "S":
        return len(value.encode())
    if kind == "N":
        # One byte for each two significant digits, and one more.
        return math.ceil(len(value.strip("-").strip("0")) / 2) + 1
    if kind in ("NULL", "BOOL"):
        return 1
    if kind == "M":
        return 3 + item_size(value) + len(value)
    if kind == "L":
        return 3 + sum(1 + _value_size(each) for each in value)
    raise ValueError(f"an attribute: expected S, N, NULL, BOOL, M or L, got {kind}")


class WriteCapacity:
    """Keeps the items that are written, as far as their sizes go, and counts what writes cost."""

    def __init__(self) -> None:
        self.units = 0
        self.requests = 0
        self._items: dict[tuple[str, ...], dict[str, Any]] = {}

    def count(self, operation: str, request: dict[str, Any]) -> None:
        """One request."""
        self.requests += 1
        if operation == "TransactWriteItems":
            for action in request["TransactItems"]:
                ((name, part),) = action.items()
                self.units += 2 * self._write(name, part)
        else:
            self.units += self._write(operation.removesuffix("Item"), request)

    def _write(self, action: str, request: dict[str, Any]) -> int:
        if action == "Put":
            place = self._place(request["TableName"], request["Item"])
            before, after = self._items.get(place, {}), request["Item"]
        elif action == "Update":
            place = self._place(request["TableName"], request["Key"])
            before = self._items.get(place, {})
            # The names stand in the expression, the values beside it.
            values = request.get("ExpressionAttributeValues", {})
            after = {**request["Key"], **before, **values}
        else:
            raise ValueError(f"a write: expected Put or Update, got {action}")
        self._items[place] = after
        units = math.ceil(max(item_size(before), item_size(after)) / _UNIT_BYTES)
        return units * (2 if INDEX_KEY in after else 1)

    @staticmethod
    def _place(table: str, item: dict[str, Any]) -> tuple[str, ...]:
        keys = [item[name]["S"] for name in ("pk", "sk", "id") if name in item]
        return (table, *keys)
