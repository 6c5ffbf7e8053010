"""What may be configured."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from infermeter.errors import AdministrationRefused, InvalidField
from infermeter.export.administration import add_account, end_account, put_configuration
from infermeter.export.configuration import (
    MAX_METERS,
    Account,
    Configuration,
    TargetKind,
    parse_configuration,
)
from infermeter.metering.measures import Measure
from tests.ports_export import FIRST, LICENCE, MemoryExports

TEXT = """
[[targets]]
name = "metering"
kind = "openmeter"
url = "https://openmeter.example/"
source = "prod"

[[targets]]
name = "stripe"
kind = "stripe"
secret = "stripe-live"

[[targets]]
name = "market"
kind = "marketplace"
product = "abc123"
region = "us-east-1"

[[targets]]
name = "files"
kind = "csv"

[[meters]]
name = "rows"
measure = "row"

[[meters]]
name = "tokens"
measure = "token"
model = "chat-*"
unit = "token"
targets = ["stripe", "market"]
"""
DOCUMENT = tomllib.loads(TEXT)


def changed(table: str, number: int, **fields: Any) -> dict[str, Any]:
    document = tomllib.loads(TEXT)
    document[table][number] |= fields
    return document


def test_a_document_is_read() -> None:
    configuration = parse_configuration(DOCUMENT)
    metering, stripe, market, files = configuration.targets
    assert (metering.url, metering.secret, metering.source) == (
        "https://openmeter.example",
        "metering",
        "prod",
    )
    assert (stripe.url, stripe.secret) == ("https://api.stripe.com", "stripe-live")
    assert (market.kind, market.product) == (TargetKind.MARKETPLACE, "abc123")
    assert [meter.name for meter in configuration.meters_of(metering)] == ["rows"]
    assert [meter.name for meter in configuration.meters_of(stripe)] == ["rows", "tokens"]
    assert [meter.name for meter in configuration.meters_of(files)] == ["usage"]
    assert configuration.meters[1].measure is Measure.TOKEN


def test_what_is_stored_is_what_was_read() -> None:
    configuration = parse_configuration(DOCUMENT)
    assert parse_configuration(configuration.document()) == configuration


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (changed("targets", 0, kind="lago"), r"targets\[0\].kind: expected one of openmeter"),
        (changed("targets", 0, name="a#b"), r"targets\[0\].name"),
        (changed("targets", 0, url="http://openmeter.example"), "https"),
        (changed("targets", 0, url=""), "https"),
        (changed("targets", 1, url="ftp://127.0.0.1"), "https"),
        (changed("targets", 0, name="stripe"), "stripe twice"),
        (changed("meters", 0, name="tokens"), "tokens twice"),
        (changed("meters", 0, measure="money"), r"meters\[0\].measure"),
        (changed("meters", 0, model=7), r"meters\[0\].model: expected text, got 7"),
        (changed("meters", 1, targets=["nowhere"]), r"meters\[1\].targets"),
        ({"targets": {}}, "targets: expected a list of tables"),
        (
            {"meters": [{"name": f"m{i}", "measure": "row"} for i in range(MAX_METERS + 1)]},
            "at most 50, got 51",
        ),
    ],
)
def test_what_cannot_be_is_refused(document: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidField, match=said):
        parse_configuration(document)


def test_plain_text_goes_to_this_machine_alone() -> None:
    document = changed("targets", 0, url="http://127.0.0.1:8888")
    assert parse_configuration(document).targets[0].url == "http://127.0.0.1:8888"


def store() -> MemoryExports:
    return MemoryExports(parse_configuration(DOCUMENT))


def account(tenant: str = "acme", target: str = "stripe", customer: str = "cus_1") -> Account:
    return Account(tenant, target, customer, FIRST)


def test_an_account_is_kept() -> None:
    exports = store()
    assert add_account(exports, account()) == account()
    assert exports.accounts() == [account()]


def test_a_corrected_account_keeps_its_start() -> None:
    exports = store()
    add_account(exports, account())
    later = Account("acme", "stripe", "cus_2", "2027010100")
    assert add_account(exports, later) == Account("acme", "stripe", "cus_2", FIRST)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (account(target="nowhere"), "expected one of metering, stripe"),
        (account(customer=""), "customer: expected"),
        (account(tenant="other"), "which is acme's"),
        (Account("acme", "stripe", "cus_1", FIRST, LICENCE), "licence"),
    ],
)
def test_an_account_that_would_break_the_books_is_refused(named: Account, said: str) -> None:
    exports = store()
    add_account(exports, account())
    with pytest.raises(AdministrationRefused, match=said):
        add_account(exports, named)


def test_a_buyer_may_have_two_licences() -> None:
    exports = store()
    for tenant, licence in (("acme", LICENCE), ("other", LICENCE + "2")):
        add_account(exports, Account(tenant, "market", "123456789012", FIRST, licence))
    assert len(exports.accounts()) == 2


def test_an_account_ends_with_the_present_hour() -> None:
    exports = store()
    add_account(exports, account())
    ended = end_account(exports, "acme", "stripe", "2027010100")
    assert exports.accounts() == [ended]
    assert [ended.covers(hour) for hour in ("2026092111", FIRST, "2027010100", ended.end)] == [
        False,
        True,
        True,
        False,
    ]
    with pytest.raises(AdministrationRefused, match="goes on, got none"):
        end_account(exports, "acme", "stripe", FIRST)
    with pytest.raises(AdministrationRefused, match="ended with hour 2027010101"):
        add_account(exports, account())


def test_a_meter_never_changes() -> None:
    exports = store()
    with pytest.raises(AdministrationRefused, match="meter 'rows'"):
        put_configuration(exports, changed("meters", 0, measure="unit"), FIRST)
    assert exports.stored == parse_configuration(DOCUMENT)


def test_a_meter_counts_from_when_it_comes() -> None:
    exports = MemoryExports()
    assert put_configuration(exports, DOCUMENT, FIRST).meters[0].start == ""
    add_account(exports, account())
    more = {**DOCUMENT, "meters": [*DOCUMENT["meters"], {"name": "calls", "measure": "request"}]}
    starts = [meter.start for meter in put_configuration(exports, more, FIRST).meters]
    assert starts == ["", "", FIRST]
    again = [meter.start for meter in put_configuration(exports, more, "2027010100").meters]
    assert again == starts


def test_a_target_with_accounts_stays() -> None:
    exports = store()
    add_account(exports, account())
    with pytest.raises(AdministrationRefused, match="got 'stripe'"):
        put_configuration(exports, {}, FIRST)


@pytest.mark.parametrize("field", ["source", "product", "kind"])
def test_a_target_with_accounts_is_known_by_the_same(field: str) -> None:
    # OpenMeter counts an event by its source and id: sent again under another source, twice.
    other = {"source": "another", "product": "code", "kind": "marketplace"}
    document = changed("targets", 0, **{field: other[field]})
    exports, name = MemoryExports(), DOCUMENT["targets"][0]["name"]
    put_configuration(exports, DOCUMENT, FIRST)
    put_configuration(exports, document, FIRST)
    put_configuration(exports, DOCUMENT, FIRST)
    add_account(exports, account(target=name))
    with pytest.raises(AdministrationRefused, match=f"'{name}': expected its {field}"):
        put_configuration(exports, document, FIRST)
    put_configuration(exports, changed("targets", 0, url="https://other.example"), FIRST)


def test_there_is_nothing_at_first() -> None:
    with pytest.raises(AdministrationRefused, match="expected one of none yet"):
        Configuration().target("stripe")
