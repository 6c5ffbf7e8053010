"""Entries as documents."""

from __future__ import annotations

from dataclasses import fields

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.metering.documents import entry_document, parse_entry
from infermeter.metering.ids import Channel, RequestId, derive_id
from infermeter.metering.ledger import Kind, LedgerEntry
from tests.unit.metering.test_fold import charge

texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
ids = texts.map(lambda text: RequestId(text, None)) | st.builds(
    derive_id, st.integers(0, 2**41), texts
)
any_entry = st.builds(
    LedgerEntry,
    request_id=ids,
    channel=st.sampled_from(Channel),
    kind=st.sampled_from(Kind),
    **{
        field.name: st.integers(-(2**53), 2**53) if field.type == "int" else texts
        for field in fields(LedgerEntry)
        if field.type in ("int", "str")
    },
)


@given(any_entry)
def test_a_document_is_read_as_the_entry_that_it_was(entry: LedgerEntry) -> None:
    assert parse_entry(orjson.loads(orjson.dumps(entry_document(entry)))) == entry


def test_a_document_has_every_field() -> None:
    facts = {field.name for field in fields(LedgerEntry) if field.compare}
    named = facts - {"request_id"} | {"id"}
    assert set(entry_document(charge())) == named


def test_what_an_older_version_did_not_know_has_its_default() -> None:
    document = entry_document(charge())
    for name in ("tokens", "lease", "price", "requests", "number", "reason", "gateway_id"):
        del document[name]
    assert parse_entry(document) == charge()


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "red"},
        {"kind": "gift"},
        {"channel": "post"},
        {"id": 17},
        {"units": "3"},
        {"units": True},
        {"units": 1.5},
        {"tenant": None},
        {1: 2},
    ],
)
def test_what_is_no_entry_is_refused(changes: dict[object, object]) -> None:
    with pytest.raises(ValueError, match=r"ledger entry|is not a valid"):
        parse_entry({**entry_document(charge()), **changes})


@pytest.mark.parametrize("name", ["id", "kind", "channel", "tenant", "units", "nonce"])
def test_what_lacks_a_field_is_refused(name: str) -> None:
    document = entry_document(charge())
    del document[name]
    with pytest.raises(ValueError, match=name):
        parse_entry(document)


@pytest.mark.parametrize("document", [None, [], "entry", 1])
def test_what_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="expected an object"):
        parse_entry(document)
