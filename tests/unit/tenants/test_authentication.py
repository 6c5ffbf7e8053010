"""Who calls: verified, remembered briefly, and never told what was wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infermeter.errors import Forbidden, StoreUnavailable, TenantSuspended, Unauthenticated
from infermeter.limits.terms import Budget, Limited, Limits, Rate
from infermeter.metering.sharding import ShardChange, Sharding
from infermeter.tenants.administration import KeyAdministration
from infermeter.tenants.authentication import KEY_CACHE_S, Authenticator, Principal
from infermeter.tenants.keys import (
    Key,
    KeySecret,
    PlanTerms,
    TenantState,
    digest_secret,
    new_key,
)
from infermeter.tenants.scopes import Action, Scopes, parse_scope
from tests.ports import PEPPER, Clock, MemoryKeys


class Door:
    """An authenticator with one key in its store."""

    def __init__(self) -> None:
        self.clock, self.store = Clock(), MemoryKeys()
        self.administration = KeyAdministration(self.store, lambda: PEPPER, self.clock)
        self.key = self.administration.create("acme")
        self.authenticator = Authenticator(self.store, lambda: PEPPER, self.clock)

    def let_in(self, key: Key | None = None) -> Principal:
        return self.authenticator.by_secret((key or self.key).text())

    def change(self, **changes: object) -> None:
        """Changes the key's row."""
        record = self.store.records[self.key.id]
        self.store.records[self.key.id] = replace(record, **changes)

    def owner(self, tenant: str = "acme", **changes: object) -> None:
        """Changes a tenant's row."""
        self.store.owners[tenant] = replace(self.store.owners[tenant], **changes)

    def accepts(self) -> list[bool]:
        """Whether the key in full, and its id alone, are let in."""
        accepted = []
        for show in (self.let_in, lambda: self.authenticator.by_key_id(self.key.id)):
            try:
                show()
                accepted.append(True)
            except Unauthenticated:
                accepted.append(False)
        return accepted


BOTH, NEITHER = [True, True], [False, False]


@pytest.fixture
def door() -> Door:
    return Door()


def test_a_key_lets_its_tenant_in(door: Door) -> None:
    assert door.let_in() == Principal("acme", door.key.id)


def test_a_key_id_names_its_tenant(door: Door) -> None:
    assert door.authenticator.by_key_id(door.key.id) == Principal("acme", door.key.id)


def test_a_key_id_that_named_its_tenant_opens_nothing(door: Door) -> None:
    door.authenticator.by_key_id(door.key.id)
    with pytest.raises(Unauthenticated):
        door.authenticator.by_secret(door.key.id)


@pytest.mark.parametrize("text", [None, "", "nonsense", "im_live_a_b_c"])
def test_what_is_no_key_is_refused_before_any_read(door: Door, text: str | None) -> None:
    with pytest.raises(Unauthenticated):
        door.authenticator.by_secret(text)
    assert door.store.reads == 0


def test_a_mistyped_key_is_refused_before_any_read(door: Door) -> None:
    with pytest.raises(Unauthenticated):
        door.authenticator.by_secret(door.key.text()[:-1] + "!")
    assert door.store.reads == 0


def test_another_secret_under_a_known_id_is_refused(door: Door) -> None:
    with pytest.raises(Unauthenticated, match="unknown or revoked"):
        door.let_in(Key(door.key.id, new_key().secret))


def test_an_unknown_key_is_refused_in_the_same_words(door: Door) -> None:
    with pytest.raises(Unauthenticated) as unknown:
        door.let_in(new_key())
    with pytest.raises(Unauthenticated) as wrong:
        door.let_in(Key(door.key.id, new_key().secret))
    assert str(unknown.value) == str(wrong.value)


def test_no_message_repeats_the_key(door: Door) -> None:
    stranger = new_key()
    with pytest.raises(Unauthenticated) as refused:
        door.let_in(stranger)
    assert stranger.secret not in str(refused.value)


def test_a_key_is_read_once_within_the_cache_time(door: Door) -> None:
    door.let_in()
    door.clock.now += KEY_CACHE_S - 1
    door.let_in()
    assert door.store.reads == 1


def test_a_key_is_read_again_after_the_cache_time(door: Door) -> None:
    door.let_in()
    door.clock.now += KEY_CACHE_S
    door.let_in()
    assert door.store.reads == 2


def test_a_cached_key_is_remembered_no_longer_for_being_used(door: Door) -> None:
    for _ in range(KEY_CACHE_S):
        door.let_in()
        door.clock.now += 1
    door.let_in()
    assert door.store.reads == 2


def test_a_revoked_key_is_refused_within_thirty_seconds(door: Door) -> None:
    assert door.accepts() == BOTH
    door.administration.revoke(door.key.id)
    door.clock.now += 30
    assert door.accepts() == NEITHER


def test_a_revoked_key_that_was_not_cached_is_refused_at_once(door: Door) -> None:
    door.administration.revoke(door.key.id)
    assert door.accepts() == NEITHER


def test_an_unknown_key_is_never_remembered(door: Door) -> None:
    record = door.store.records.pop(door.key.id)
    assert door.accepts() == NEITHER
    door.store.records[door.key.id] = record
    assert door.accepts() == BOTH


def test_each_of_two_live_secrets_lets_in(door: Door) -> None:
    other = Key(door.key.id, new_key().secret)
    record = door.store.records[door.key.id]
    rotated = (*record.secrets, KeySecret(digest_secret(other.secret, PEPPER)))
    door.store.records[door.key.id] = replace(record, secrets=rotated)
    assert door.let_in() == door.let_in(other)


def test_an_expired_secret_does_not_let_in(door: Door) -> None:
    record = door.store.records[door.key.id]
    ending = (KeySecret(record.secrets[0].digest, int(door.clock.now) + 10),)
    door.store.records[door.key.id] = replace(record, secrets=ending)
    door.let_in()
    door.clock.now += 11
    with pytest.raises(Unauthenticated):
        door.let_in()


@pytest.mark.parametrize("key_id", ["", "short", "x" * 5000, "A" * 11 + "#"])
def test_what_is_no_key_id_is_refused_before_any_read(door: Door, key_id: str) -> None:
    with pytest.raises(Unauthenticated):
        door.authenticator.by_key_id(key_id)
    assert door.store.reads == 0


def test_a_key_that_has_expired_is_refused_at_once_though_it_is_remembered(door: Door) -> None:
    door.change(expires_at=int(door.clock.now) + 10)
    assert door.accepts() == BOTH
    door.clock.now += 9
    assert door.accepts() == BOTH
    door.clock.now += 1
    assert door.accepts() == NEITHER


def test_a_secret_of_a_rotation_is_good_where_the_key_is_remembered(door: Door) -> None:
    door.let_in()
    rotated = door.administration.rotate(door.key.id)
    assert door.let_in(rotated.key) == door.let_in()


def test_a_wrong_secret_is_looked_up_once_each_time(door: Door) -> None:
    wrong = Key(door.key.id, new_key().secret)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            door.let_in(wrong)
    assert door.store.reads == 3


def test_a_secret_that_has_ended_is_not_looked_up_again(door: Door) -> None:
    door.administration.rotate(door.key.id, grace_s=10)
    door.let_in()
    door.clock.now += 10
    reads = door.store.reads
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            door.let_in()
    assert door.store.reads == reads


def test_what_a_key_may_do_and_what_bounds_it_come_along(door: Door) -> None:
    scopes, limits = Scopes((parse_scope("infer:a"),)), Limits(Rate(5.0, 5))
    door.change(scopes=scopes, limits=limits)
    key_id = door.key.id
    expected = Principal("acme", key_id, scopes, (Limited("key", key_id, limits),))
    assert door.let_in() == door.authenticator.by_key_id(key_id) == expected


def test_a_plan_gives_the_price_and_the_tenants_limits(door: Door) -> None:
    door.store.plans["gold"] = PlanTerms("gold", 3, Limits(Rate(9.0, 9), Budget(100)))
    door.owner(plan="gold")
    principal = door.let_in()
    assert principal.price == "gold:3"
    assert principal.limited == (Limited("tenant", "acme", Limits(Rate(9.0, 9), Budget(100))),)


def test_how_the_tenants_ledger_is_divided_comes_along(door: Door) -> None:
    sharding = Sharding((ShardChange("2026010100", 16),))
    door.owner(sharding=sharding)
    assert door.let_in().sharding == sharding


def test_a_tenants_own_limit_stands_in_place_of_its_plans(door: Door) -> None:
    door.store.plans["gold"] = PlanTerms("gold", 3, Limits(Rate(9.0, 9), Budget(100)))
    door.owner(plan="gold", limits=Limits(budget=Budget(5)))
    (limited,) = door.let_in().limited
    assert limited.limits == Limits(Rate(9.0, 9), Budget(5))


def test_a_new_plan_version_is_charged_by_within_thirty_seconds(door: Door) -> None:
    door.store.plans["gold"] = PlanTerms("gold", 1)
    door.owner(plan="gold")
    assert door.let_in().price == "gold:1"
    door.store.plans["gold"] = PlanTerms("gold", 2)
    door.clock.now += 30
    assert door.let_in().price == "gold:2"


def test_a_tenant_remembered_for_one_key_is_not_remembered_longer_for_another(door: Door) -> None:
    other = door.administration.create("acme")
    door.let_in()
    door.clock.now += 20
    door.let_in(other)
    door.owner(state=TenantState.SUSPENDED)
    door.clock.now += 10
    assert door.let_in(other).state is TenantState.SUSPENDED


def test_a_plan_remembered_for_one_tenant_is_not_remembered_longer_for_another(
    door: Door,
) -> None:
    door.store.plans["gold"] = PlanTerms("gold", 1)
    other = door.administration.create("umbrella")
    for tenant in ("acme", "umbrella"):
        door.owner(tenant, plan="gold")
    door.let_in()
    door.clock.now += 20
    assert door.let_in(other).price == "gold:1"
    door.store.plans["gold"] = PlanTerms("gold", 2)
    door.clock.now += 10
    assert door.let_in(other).price == "gold:2"


def test_one_plan_is_read_once_for_all_its_tenants(door: Door) -> None:
    asked = []
    door.store.terms = lambda plan: asked.append(plan) or PlanTerms(plan, 1)
    door.authenticator = Authenticator(door.store, lambda: PEPPER, door.clock)
    other = door.administration.create("umbrella")
    for tenant in ("acme", "umbrella"):
        door.owner(tenant, plan="gold")
    door.let_in()
    door.let_in(other)
    assert asked == ["gold"]


def test_nothing_is_served_on_a_plan_that_is_not_there(door: Door) -> None:
    door.owner(plan="gone")
    with pytest.raises(StoreUnavailable, match="row of plan 'gone', got none"):
        door.let_in()


@pytest.mark.parametrize("action", [Action.INFER, Action.READ, Action.LOAD])
@pytest.mark.parametrize("state", [TenantState.SUSPENDED, TenantState.CLOSED])
def test_who_is_not_served_is_told(door: Door, state: TenantState, action: Action) -> None:
    door.owner(state=state)
    with pytest.raises(TenantSuspended, match=f"tenant 'acme' is {state.value}"):
        door.let_in().require(action, "m")


def test_who_is_suspended_may_read_what_it_used(door: Door) -> None:
    door.owner(state=TenantState.SUSPENDED)
    door.let_in().require(Action.USAGE)


def test_who_is_closed_may_not(door: Door) -> None:
    door.owner(state=TenantState.CLOSED)
    with pytest.raises(TenantSuspended):
        door.let_in().require(Action.USAGE)


def test_who_is_suspended_may_still_do_no_more_than_its_key(door: Door) -> None:
    door.owner(state=TenantState.SUSPENDED)
    door.change(scopes=Scopes((parse_scope("infer:*"),)))
    with pytest.raises(Forbidden):
        door.let_in().require(Action.USAGE)
