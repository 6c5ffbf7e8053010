"""Making and revoking keys."""

from __future__ import annotations

import pytest

from infermeter.errors import InvalidRequest, UnknownKey
from infermeter.tenants.administration import KeyAdministration
from tests.ports import NOW, PEPPER, Clock, MemoryKeys


@pytest.fixture
def store() -> MemoryKeys:
    return MemoryKeys()


@pytest.fixture
def administration(store: MemoryKeys) -> KeyAdministration:
    return KeyAdministration(store, lambda: PEPPER, Clock())


def test_a_new_key_is_stored_without_its_secret(
    administration: KeyAdministration, store: MemoryKeys
) -> None:
    key = administration.create("acme")
    assert key.secret not in repr(store.records)


def test_a_tenant_is_as_old_as_its_first_key(
    administration: KeyAdministration, store: MemoryKeys
) -> None:
    administration.create("acme")
    assert store.owners["acme"].created_at == int(NOW)


def test_a_bad_name_makes_nothing(administration: KeyAdministration, store: MemoryKeys) -> None:
    with pytest.raises(InvalidRequest):
        administration.create("a#b")
    assert not store.records


def test_revoking_says_when(administration: KeyAdministration) -> None:
    key = administration.create("acme")
    assert administration.revoke(key.id).revoked_at == int(NOW)


def test_revoking_a_key_nobody_knows_is_refused(administration: KeyAdministration) -> None:
    with pytest.raises(UnknownKey, match="got 'nobody'"):
        administration.revoke("nobody")
