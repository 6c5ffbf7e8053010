"""Keys and tenants in the control table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infermeter.tenants.keys import KeyRecord, KeySecret, TenantRecord

if TYPE_CHECKING:
    from infermeter.adapters.keys import DynamoKeys
    from tests.cloud import Cloud

RECORD = KeyRecord("K1", "acme", (KeySecret("d1"), KeySecret("d2", 99)), 10, plan="gold")


@pytest.fixture
def keys(cloud: Cloud) -> DynamoKeys:
    return cloud.wiring.keys


def test_a_key_reads_back(keys: DynamoKeys) -> None:
    keys.add_key(RECORD)
    assert keys.key("K1") == RECORD


def test_a_key_nobody_knows_is_none(keys: DynamoKeys) -> None:
    assert keys.key("K1") is None
    assert keys.tenant("acme") is None


def test_a_tenant_is_as_old_as_its_first_key(keys: DynamoKeys) -> None:
    keys.add_key(RECORD)
    keys.add_key(KeyRecord("K2", "acme", (KeySecret("d"),), 20))
    assert keys.tenant("acme") == TenantRecord("acme", 10)


def test_revoking_keeps_the_first_time(keys: DynamoKeys) -> None:
    keys.add_key(RECORD)
    keys.revoke_key("K1", 30)
    assert keys.revoke_key("K1", 40).revoked_at == 30
    assert keys.key("K1").revoked_at == 30


def test_revoking_what_is_not_there_makes_nothing(keys: DynamoKeys) -> None:
    assert keys.revoke_key("K1", 30) is None
    assert keys.key("K1") is None


def test_rows_lie_where_metering_says(cloud: Cloud) -> None:
    cloud.wiring.keys.add_key(RECORD)
    items = cloud.wiring.clients.dynamodb().scan(TableName="control")["Items"]
    places = {(item["pk"]["S"], item["sk"]["S"]) for item in items}
    assert places == {("K#K1", "META"), ("T#acme", "META"), ("T#acme", "K#K1")}


def test_the_table_never_holds_a_secret(cloud: Cloud) -> None:
    key = cloud.wiring.key_administration.create("acme")
    items = cloud.wiring.clients.dynamodb().scan(TableName="control")["Items"]
    assert key.secret not in repr(items)
    assert key.id in repr(items)
