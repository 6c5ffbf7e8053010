"""Plain values as DynamoDB's attribute values, and back. Numbers are integers throughout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Attributes = dict[str, Any]


def to_item(values: Mapping[str, Any]) -> Attributes:
    """An item of the values that are not None."""
    return {name: _attribute(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """The item's plain values."""
    return {name: _value(attribute) for name, attribute in item.items()}


def key(pk: str, sk: str) -> Attributes:
    """A primary key."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, list):
        return {"L": [_attribute(each) for each in value]}
    if isinstance(value, dict):
        return {"M": to_item(value)}
    raise TypeError(f"an attribute: expected text, an integer, a list or a map, got {value!r}")


def _value(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    if kind == "N":
        return int(value)
    if kind == "L":
        return [_value(each) for each in value]
    if kind == "M":
        return from_item(value)
    return value
