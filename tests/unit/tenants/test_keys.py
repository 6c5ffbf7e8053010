"""API keys: their form, their checksum, and their silence."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import InvalidRequest
from infermeter.tenants.keys import (
    ALPHABET,
    Key,
    check_tenant_name,
    digest_secret,
    new_key,
    parse_key,
)

KEY = Key("A" * 12, "b" * 43)


def test_a_key_reads_back() -> None:
    key = new_key()
    assert parse_key(key.text()) == key


def test_a_key_has_the_documented_form() -> None:
    form = r"im_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}"
    assert re.fullmatch(form, new_key().text())


@given(st.integers(0, len(KEY.text()) - 1), st.sampled_from(ALPHABET))
def test_one_mistyped_letter_is_noticed(position: int, letter: str) -> None:
    text = KEY.text()
    typed = text[:position] + letter + text[position + 1 :]
    assert parse_key(typed) == (KEY if typed == text else None)


@given(st.integers(8, len(KEY.text()) - 2))
def test_two_exchanged_letters_are_noticed(position: int) -> None:
    text = new_key().text()
    swapped = text[:position] + text[position + 1] + text[position] + text[position + 2 :]
    assert swapped == text or parse_key(swapped) is None


@given(st.text())
def test_any_other_text_is_no_key(text: str) -> None:
    assert parse_key(text) is None


def test_surroundings_are_not_part_of_a_key() -> None:
    assert parse_key(KEY.text() + "\n") is None


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, "%s".__mod__])
def test_the_secret_is_never_shown(show: object) -> None:
    key = new_key()
    assert key.secret not in show(key)


def test_keys_are_not_made_twice() -> None:
    assert len({new_key().text() for _ in range(200)}) == 200


def test_the_digest_depends_on_the_pepper() -> None:
    assert digest_secret("s", b"one") != digest_secret("s", b"two")


def test_the_digest_is_an_hmac_sha256() -> None:
    # RFC 4231, test case 2
    assert digest_secret("what do ya want for nothing?", b"Jefe").startswith("5bdcc146bf60754e")


@pytest.mark.parametrize("name", ["", "a#b", "a/b", "-a", "a" * 65, "ż", "a b", "a\n"])
def test_a_tenant_has_a_plain_name(name: str) -> None:
    with pytest.raises(InvalidRequest, match="tenant: expected 1 to 64"):
        check_tenant_name(name)
