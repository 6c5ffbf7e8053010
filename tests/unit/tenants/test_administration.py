"""Making and revoking keys."""

from __future__ import annotations

import pytest

from infermeter.errors import InvalidRequest, UnknownKey, UnknownTenant
from infermeter.limits.terms import Limits, Rate
from infermeter.tenants.administration import KeyAdministration, KeyTerms
from infermeter.tenants.scopes import Scopes, parse_scope
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


def test_a_key_has_the_terms_it_was_given(
    administration: KeyAdministration, store: MemoryKeys
) -> None:
    terms = KeyTerms(
        Scopes((parse_scope("infer:a*"),)), Limits(Rate(1.0, 2)), int(NOW) + 60, "nightly"
    )
    record = store.records[administration.create("acme", terms).id]
    assert (record.scopes, record.limits) == (terms.scopes, terms.limits)
    assert (record.expires_at, record.name) == (terms.expires_at, "nightly")


@pytest.mark.parametrize(
    "terms",
    [
        KeyTerms(expires_at=int(NOW)),
        KeyTerms(expires_at=253_402_300_800),
        KeyTerms(name="x" * 101),
        KeyTerms(name="a\nb"),
    ],
)
def test_odd_terms_make_nothing(
    administration: KeyAdministration, store: MemoryKeys, terms: KeyTerms
) -> None:
    with pytest.raises(InvalidRequest):
        administration.create("acme", terms)
    assert not store.records
    assert not store.owners


def test_keys_are_listed_for_a_tenant_that_is_there(administration: KeyAdministration) -> None:
    made = [administration.create("acme").id for _ in range(2)]
    administration.create("umbrella")
    assert [record.key_id for record in administration.of_tenant("acme")] == made
    with pytest.raises(UnknownTenant):
        administration.of_tenant("nobody")


def test_a_second_revocation_changes_nothing(
    administration: KeyAdministration, store: MemoryKeys
) -> None:
    key = administration.create("acme")
    administration.revoke(key.id)
    acts = list(store.acts)
    assert administration.revoke(key.id).revoked_at == int(NOW)
    assert store.acts == acts


def test_the_trail_says_what_was_made_and_never_the_secret(
    administration: KeyAdministration, store: MemoryKeys
) -> None:
    key = administration.create("acme")
    administration.revoke(key.id)
    assert [act.act for act in store.acts] == ["tenant.create", "key.create", "key.revoke"]
    assert store.acts[1].details["key_id"] == key.id
    assert key.secret not in repr(store.acts)
