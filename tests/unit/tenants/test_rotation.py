"""Rotations: two secrets at most, the same one for the same id, and none of them stored."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import AdministrationRefused, InvalidRequest, Unauthenticated, UnknownKey
from infermeter.tenants.administration import KeyAdministration, KeyTerms
from infermeter.tenants.authentication import Authenticator
from infermeter.tenants.keys import KeyRecord, TenantState, digest_secret, parse_key
from infermeter.tenants.rotation import derive_key
from tests.ports import NOW, PEPPER, Clock, MemoryKeys

HOUR = 3600


class Desk:
    """An operator with one key, and the door that its customer comes to."""

    def __init__(self) -> None:
        self.clock, self.store = Clock(), MemoryKeys()
        self.administration = KeyAdministration(
            self.store, lambda: PEPPER, self.clock, lambda: "me"
        )
        self.key = self.administration.create("acme", KeyTerms(name="first"))

    @property
    def record(self) -> KeyRecord:
        return self.store.records[self.key.id]

    def lets_in(self, *keys: object) -> list[bool]:
        """For each, whether a fresh environment lets it in."""
        door = Authenticator(self.store, lambda: PEPPER, self.clock)
        accepted = []
        for key in keys:
            try:
                door.by_secret(key.text())
                accepted.append(True)
            except Unauthenticated:
                accepted.append(False)
        return accepted


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_both_secrets_let_in_until_the_grace_period_ends(desk: Desk) -> None:
    rotated = desk.administration.rotate(desk.key.id, grace_s=HOUR)
    assert rotated.previous_expires_at == NOW + HOUR
    assert desk.lets_in(desk.key, rotated.key) == [True, True]
    desk.clock.now += HOUR
    assert desk.lets_in(desk.key, rotated.key) == [False, True]


def test_without_grace_the_present_secret_ends_at_once(desk: Desk) -> None:
    rotated = desk.administration.rotate(desk.key.id, grace_s=0)
    assert desk.lets_in(desk.key, rotated.key) == [False, True]


def test_a_rotated_key_has_the_form_of_any_and_the_same_id(desk: Desk) -> None:
    rotated = desk.administration.rotate(desk.key.id)
    assert parse_key(rotated.key.text()) == rotated.key
    assert rotated.key.id == desk.key.id


def test_the_same_id_gives_the_same_key_and_changes_nothing(desk: Desk) -> None:
    first = desk.administration.rotate(desk.key.id, "r1", grace_s=HOUR)
    record, acts = desk.record, list(desk.store.acts)
    desk.clock.now += 60
    assert desk.administration.rotate(desk.key.id, "r1", grace_s=9) == first
    assert (desk.record, desk.store.acts) == (record, acts)


def test_a_third_live_secret_is_refused_until_the_first_has_ended(desk: Desk) -> None:
    desk.administration.rotate(desk.key.id, grace_s=HOUR)
    with pytest.raises(AdministrationRefused, match="the older ends at 2026-09-21T15:13:20Z"):
        desk.administration.rotate(desk.key.id)
    desk.clock.now += HOUR
    desk.administration.rotate(desk.key.id)
    assert len(desk.record.secrets) == 2


def test_the_older_of_two_ends_at_once_when_asked(desk: Desk) -> None:
    second = desk.administration.rotate(desk.key.id, grace_s=HOUR)
    third = desk.administration.rotate(desk.key.id, grace_s=HOUR, end_older=True)
    assert desk.lets_in(desk.key, second.key, third.key) == [False, True, True]


def test_an_id_whose_secret_has_ended_is_not_used_again(desk: Desk) -> None:
    desk.administration.rotate(desk.key.id, "r1", grace_s=0)
    desk.administration.rotate(desk.key.id, "r2", grace_s=HOUR)
    desk.clock.now += HOUR
    with pytest.raises(AdministrationRefused, match="rotation 'r1': expected a new id"):
        desk.administration.rotate(desk.key.id, "r1")


def test_what_is_stored_says_neither_secret_nor_id(desk: Desk) -> None:
    rotated = desk.administration.rotate(desk.key.id, "quarterly-7")
    stored = repr(desk.store.records) + repr(desk.store.acts)
    assert rotated.key.secret not in stored
    assert "quarterly-7" not in stored


def test_neither_pepper_nor_row_nor_id_alone_makes_the_secret(desk: Desk) -> None:
    rotated = desk.administration.rotate(desk.key.id, "r1")
    salt = desk.record.secrets[-1].salt
    assert derive_key(desk.key.id, salt, "r1", PEPPER) == rotated.key
    for other in (
        derive_key(desk.key.id, "", "r1", PEPPER),
        derive_key(desk.key.id, salt, "r2", PEPPER),
        derive_key("A" * 12, salt, "r1", PEPPER),
        derive_key(desk.key.id, salt, "r1", b"q" * 64),
    ):
        assert other.secret != rotated.key.secret


def test_the_same_id_on_two_keys_makes_two_secrets(desk: Desk) -> None:
    other = desk.administration.create("acme")
    rotated = [desk.administration.rotate(each.id, "r1").key for each in (desk.key, other)]
    assert rotated[0].secret != rotated[1].secret


@given(st.text("0123456789abcdef", min_size=32, max_size=32), st.text(min_size=1, max_size=9))
def test_a_derived_secret_is_no_digest_and_of_its_form(salt: str, rotation: str) -> None:
    key = derive_key("A" * 12, salt, rotation, PEPPER)
    assert re.fullmatch(r"[0-9A-Za-z]{43}", key.secret)
    assert digest_secret(key.secret, PEPPER) != key.secret


def test_of_two_at_once_one_wins_and_the_other_is_told(desk: Desk) -> None:
    class Overtaken(MemoryKeys):
        def put_key(self, record: KeyRecord, act: object) -> bool:
            if not self.overtaken:
                self.overtaken.append(True)
                rival = KeyAdministration(self, lambda: PEPPER, desk.clock)
                rival.rotate(record.key_id, "rival")
            return super().put_key(record, act)

    store = Overtaken(desk.store.records, desk.store.owners)
    store.overtaken = []
    with pytest.raises(AdministrationRefused, match="expected one live secret, got two"):
        KeyAdministration(store, lambda: PEPPER, desk.clock).rotate(desk.key.id, "mine")
    assert len(desk.record.secrets) == 2


def test_two_at_once_under_one_id_have_the_same_key(desk: Desk) -> None:
    keys = []

    class Overtaken(MemoryKeys):
        def put_key(self, record: KeyRecord, act: object) -> bool:
            if not keys:
                keys.append(None)
                rival = KeyAdministration(self, lambda: PEPPER, desk.clock)
                keys[0] = rival.rotate(record.key_id, "same").key
            return super().put_key(record, act)

    store = Overtaken(desk.store.records, desk.store.owners)
    mine = KeyAdministration(store, lambda: PEPPER, desk.clock).rotate(desk.key.id, "same")
    assert mine.key == keys[0]


def test_rotation_leaves_whom_usage_and_budgets_are_counted_under(desk: Desk) -> None:
    before = replace(desk.record, secrets=(), revision=0)
    door = Authenticator(desk.store, lambda: PEPPER, desk.clock)
    rotated = desk.administration.rotate(desk.key.id)
    assert replace(desk.record, secrets=(), revision=0) == before
    assert door.by_secret(rotated.key.text()) == door.by_secret(desk.key.text())


def test_what_cannot_be_rotated_is_refused(desk: Desk) -> None:
    with pytest.raises(UnknownKey):
        desk.administration.rotate("nobody")
    desk.administration.revoke(desk.key.id)
    with pytest.raises(AdministrationRefused, match="expected an active one, but it is revoked"):
        desk.administration.rotate(desk.key.id)


def test_a_closed_tenants_key_is_not_rotated(desk: Desk) -> None:
    owner = desk.store.owners["acme"]
    desk.store.owners["acme"] = replace(owner, state=TenantState.CLOSED)
    with pytest.raises(AdministrationRefused, match="account is closed"):
        desk.administration.rotate(desk.key.id)


@pytest.mark.parametrize("rotation_id", ["", "x" * 129, "a\nb", "a\0b"])
def test_an_odd_rotation_id_is_refused(desk: Desk, rotation_id: str) -> None:
    with pytest.raises(InvalidRequest, match="rotation id: expected"):
        desk.administration.rotate(desk.key.id, rotation_id)


@pytest.mark.parametrize("grace_s", [-1, 91 * 24 * HOUR])
def test_an_odd_grace_is_refused(desk: Desk, grace_s: int) -> None:
    with pytest.raises(InvalidRequest, match="grace: expected"):
        desk.administration.rotate(desk.key.id, grace_s=grace_s)


def test_the_trail_has_the_rotation_without_its_key(desk: Desk) -> None:
    desk.administration.rotate(desk.key.id, grace_s=60)
    act = desk.store.acts[-1]
    assert (act.subject, act.act, act.actor) == ("acme", "key.rotate", "me")
    assert act.details == {"key_id": desk.key.id, "grace_s": 60}
