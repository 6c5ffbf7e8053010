"""Last uses in the limits table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infermeter.adapters.activity import DynamoActivity
from infermeter.errors import StoreUnavailable

if TYPE_CHECKING:
    from tests.cloud import Cloud


@pytest.fixture
def uses(cloud: Cloud) -> DynamoActivity:
    return cloud.wiring.last_uses


def test_a_use_reads_back(uses: DynamoActivity) -> None:
    uses.used("K1", 10)
    assert uses.last("K1") == 10


def test_a_key_that_was_never_used_has_none(uses: DynamoActivity) -> None:
    assert uses.last("K1") is None


def test_an_earlier_use_that_comes_late_changes_nothing(uses: DynamoActivity) -> None:
    for at in (10, 20, 15):
        uses.used("K1", at)
    assert uses.last("K1") == 20


def test_a_table_that_is_not_there_is_unavailable(cloud: Cloud) -> None:
    with pytest.raises(StoreUnavailable):
        DynamoActivity(cloud.wiring.clients.dynamodb(), "none").used("K1", 1)
