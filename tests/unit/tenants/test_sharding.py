"""How a tenant's ledger is divided, as its row says."""

from __future__ import annotations

from dataclasses import replace

from infermeter.metering.sharding import ONE_SHARD, ShardChange, Sharding
from infermeter.tenants.authentication import KEY_CACHE_S
from infermeter.tenants.keys import TenantRecord
from infermeter.tenants.sharding import Shardings
from tests.ports import Clock, MemoryKeys

SIXTEEN = Sharding((ShardChange("2026010100", 16),))


def test_a_tenants_row_is_remembered_as_a_principals_is() -> None:
    clock, store = Clock(), MemoryKeys(owners={"acme": TenantRecord("acme", 1)})
    shardings = Shardings(store.tenant, clock)
    assert shardings.of("acme") == ONE_SHARD
    store.owners["acme"] = replace(store.owners["acme"], sharding=SIXTEEN)
    clock.now += KEY_CACHE_S - 1
    assert shardings.of("acme") == ONE_SHARD
    clock.now += 1
    assert shardings.of("acme") == SIXTEEN


def test_a_tenant_that_nobody_knows_has_one_shard_until_it_is_known() -> None:
    store = MemoryKeys()
    shardings = Shardings(store.tenant, Clock())
    assert shardings.of("acme") == ONE_SHARD
    store.owners["acme"] = TenantRecord("acme", 1, sharding=SIXTEEN)
    assert shardings.of("acme") == SIXTEEN
