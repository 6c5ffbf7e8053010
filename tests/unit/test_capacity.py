"""What the benchmark counts as write capacity."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench.capacity import WriteCapacity, item_size


def put(**attributes: Any) -> dict[str, Any]:
    return {"TableName": "t", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}, **attributes}}


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"ab": {"S": "xyz"}}, 5),
        ({"a": {"S": "é"}}, 3),
        ({"a": {"N": "12345"}}, 5),
        ({"a": {"N": "-1"}}, 3),
        ({"a": {"N": "1000"}}, 3),
        ({"a": {"N": "0"}}, 2),
        ({"a": {"BOOL": True}}, 2),
        ({"a": {"L": [{"S": "x"}, {"S": "y"}]}}, 8),
    ],
)
def test_names_and_values_count(item: dict[str, Any], size: int) -> None:
    assert item_size(item) == size


@pytest.mark.parametrize(("length", "units"), [(1, 1), (1017, 1), (1018, 2), (3000, 3)])
def test_a_kilobyte_begun_is_a_unit(length: int, units: int) -> None:
    capacity = WriteCapacity()
    capacity.count("PutItem", put(x={"S": "v" * length}))
    assert capacity.units == units


def test_an_index_doubles_it() -> None:
    capacity = WriteCapacity()
    capacity.count("PutItem", put(g1pk={"S": "h"}))
    assert capacity.units == 2


def test_a_transaction_costs_twice() -> None:
    capacity = WriteCapacity()
    update = {"TableName": "u", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}}
    capacity.count("TransactWriteItems", {"TransactItems": [{"Put": put()}, {"Update": update}]})
    assert capacity.units == 4


def test_the_larger_of_before_and_after_counts() -> None:
    capacity = WriteCapacity()
    capacity.count("PutItem", put(x={"S": "v" * 3000}))
    capacity.count("PutItem", put())
    assert capacity.units == 6
