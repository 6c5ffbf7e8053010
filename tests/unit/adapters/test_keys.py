"""Keys and tenants in the control table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from infermeter.limits.terms import Budget, Limits, Rate
from infermeter.metering.measures import Measure
from infermeter.metering.sharding import ShardChange, Sharding
from infermeter.tenants.accounts import Act
from infermeter.tenants.keys import KeyRecord, KeySecret, TenantRecord, TenantState
from infermeter.tenants.scopes import Scope, Scopes

if TYPE_CHECKING:
    from infermeter.adapters.keys import DynamoKeys
    from tests.cloud import Cloud

LIMITS = Limits(Rate(0.5, 3), Budget(1000, Measure.ROW))
RECORD = KeyRecord(
    "K1",
    "acme",
    (KeySecret("d1", 99), KeySecret("d2", None, "salt", "rotation")),
    10,
    expires_at=500,
    name="nightly",
    scopes=Scopes((Scope("infer", "tab*"), Scope("*", "small"))),
    limits=LIMITS,
)
OWNER = TenantRecord("acme", 10)
SHARDING = Sharding((ShardChange("2026010100", 16), ShardChange("2026010105", 1)))
ACT = Act("acme", "test", "me", 10.0)


@pytest.fixture
def keys(cloud: Cloud) -> DynamoKeys:
    cloud.wiring.keys.add_tenant(OWNER, ACT)
    return cloud.wiring.keys


def items(cloud: Cloud) -> dict[tuple[str, str], dict[str, dict[str, object]]]:
    found = cloud.wiring.clients.dynamodb().scan(TableName="control")["Items"]
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in found}


def test_a_key_reads_back(keys: DynamoKeys) -> None:
    assert keys.add_key(RECORD, OWNER, ACT)
    assert keys.key("K1") == RECORD


def test_a_tenants_shards_read_back_alone_and_in_the_list(keys: DynamoKeys) -> None:
    assert keys.put_tenant(replace(OWNER, sharding=SHARDING), ACT)
    expected = replace(OWNER, sharding=SHARDING, revision=1)
    assert keys.tenant("acme") == expected
    assert list(keys.tenants()) == [expected]
    assert keys.add_key(RECORD, expected, ACT)
    assert list(keys.tenants()) == [expected]


def test_what_nobody_knows_is_none(keys: DynamoKeys) -> None:
    assert keys.key("K1") is None
    assert keys.tenant("umbrella") is None
    assert keys.terms("gold") is None


def test_a_row_of_before_there_were_scopes_reads_as_a_key_that_may_do_everything(
    cloud: Cloud,
) -> None:
    secrets = {"L": [{"M": {"digest": {"S": "d"}}}]}
    old = {"tenant": {"S": "acme"}, "secrets": secrets, "created_at": {"N": "7"}}
    place = {"pk": {"S": "K#K0"}, "sk": {"S": "META"}}
    cloud.wiring.clients.dynamodb().put_item(TableName="control", Item=place | old)
    assert cloud.wiring.keys.key("K0") == KeyRecord("K0", "acme", (KeySecret("d"),), 7)


def test_a_tenant_of_before_there_were_states_reads_as_an_active_one(cloud: Cloud) -> None:
    row = {"pk": {"S": "T#old"}, "sk": {"S": "META"}, "created_at": {"N": "7"}}
    cloud.wiring.clients.dynamodb().put_item(TableName="control", Item=row)
    assert cloud.wiring.keys.tenant("old") == TenantRecord("old", 7)
    assert cloud.wiring.keys.put_tenant(TenantRecord("old", 7, plan="gold"), ACT)
    assert [each.tenant for each in cloud.wiring.keys.tenants()] == ["old"]


def test_a_tenant_of_before_there_was_a_list_comes_into_it_with_a_key(cloud: Cloud) -> None:
    row = {"pk": {"S": "T#old"}, "sk": {"S": "META"}, "created_at": {"N": "7"}}
    cloud.wiring.clients.dynamodb().put_item(TableName="control", Item=row)
    assert cloud.wiring.keys.add_key(replace(RECORD, tenant="old"), TenantRecord("old", 7), ACT)
    assert list(cloud.wiring.keys.tenants()) == [TenantRecord("old", 7)]


def test_a_tenants_copy_is_as_new_as_its_row_after_a_key(keys: DynamoKeys) -> None:
    keys.put_tenant(replace(OWNER, plan="gold"), ACT)
    standing = keys.tenant("acme")
    assert keys.add_key(RECORD, standing, ACT)
    assert list(keys.tenants()) == [standing]


def test_a_change_is_for_the_revision_that_was_read(keys: DynamoKeys) -> None:
    keys.add_key(RECORD, OWNER, ACT)
    assert keys.put_key(replace(RECORD, name="one"), ACT)
    assert not keys.put_key(replace(RECORD, name="other"), ACT)
    standing = keys.key("K1")
    assert (standing.name, standing.revision) == ("one", 1)
    assert keys.put_key(replace(standing, name="next"), ACT)
    assert keys.key("K1").revision == 2


def test_a_change_of_what_is_not_there_makes_nothing(keys: DynamoKeys) -> None:
    assert not keys.put_key(RECORD, ACT)
    assert keys.key("K1") is None
    assert not keys.put_tenant(TenantRecord("umbrella", 1), ACT)


def test_a_key_id_is_given_once(keys: DynamoKeys) -> None:
    keys.add_key(RECORD, OWNER, ACT)
    assert not keys.add_key(replace(RECORD, name="other"), OWNER, ACT)
    assert keys.key("K1").name == "nightly"


def test_a_key_is_for_a_tenant_that_is_as_it_was_read(keys: DynamoKeys) -> None:
    keys.put_tenant(replace(OWNER, state=TenantState.CLOSED), ACT)
    assert not keys.add_key(RECORD, OWNER, ACT)
    assert keys.key("K1") is None


def test_a_tenant_reads_back_alone_and_listed(keys: DynamoKeys) -> None:
    changed = TenantRecord("acme", 10, TenantState.CLOSED, "gold", LIMITS, "unpaid", 50)
    assert keys.put_tenant(changed, ACT)
    standing = replace(changed, revision=1)
    assert keys.tenant("acme") == standing
    assert list(keys.tenants()) == [standing]


def test_a_tenant_is_made_once(keys: DynamoKeys) -> None:
    assert not keys.add_tenant(TenantRecord("acme", 20), ACT)
    assert keys.tenant("acme").created_at == 10


def test_tenants_are_listed_by_name(keys: DynamoKeys) -> None:
    for name in ("b", "a"):
        keys.add_tenant(TenantRecord(name, 1), ACT)
    assert [each.tenant for each in keys.tenants()] == ["a", "acme", "b"]


def test_keys_are_listed_by_age(keys: DynamoKeys) -> None:
    keys.add_key(RECORD, OWNER, ACT)
    keys.add_key(replace(RECORD, key_id="K0", created_at=20), OWNER, ACT)
    assert [each.key_id for each in keys.keys_of("acme")] == ["K1", "K0"]


def test_rows_lie_where_metering_says(keys: DynamoKeys, cloud: Cloud) -> None:
    keys.add_key(RECORD, OWNER, ACT)
    places = {place for place in items(cloud) if place[0] != "A#acme"}
    assert places == {
        ("K#K1", "META"),
        ("T#acme", "META"),
        ("T#acme", "K#K1"),
        ("TENANTS", "acme"),
    }


def test_the_table_never_holds_a_secret(cloud: Cloud) -> None:
    key = cloud.wiring.key_administration.create("acme")
    assert key.secret not in repr(items(cloud))
    assert key.id in repr(items(cloud))


def test_an_act_stands_with_what_it_changed_or_not_at_all(keys: DynamoKeys, cloud: Cloud) -> None:
    before = len(items(cloud))
    assert not keys.put_key(RECORD, ACT)
    assert len(items(cloud)) == before
