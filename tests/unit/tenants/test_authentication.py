"""Who calls: verified, remembered briefly, and never told what was wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infermeter.errors import Unauthenticated
from infermeter.tenants.administration import KeyAdministration
from infermeter.tenants.authentication import KEY_CACHE_S, Authenticator, Principal
from infermeter.tenants.keys import Key, KeySecret, digest_secret, new_key
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
