"""Plain values as DynamoDB's attribute values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.adapters.items import from_item, to_item

values = st.recursive(
    st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), values))
def test_values_come_back(item: dict) -> None:
    assert from_item(to_item(item)) == item


def test_what_is_none_is_not_there() -> None:
    assert to_item({"a": None, "b": "c"}) == {"b": {"S": "c"}}


@pytest.mark.parametrize("value", [1.5, b"a", object()])
def test_what_an_item_does_not_hold_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="an attribute: expected"):
        to_item({"a": value})
