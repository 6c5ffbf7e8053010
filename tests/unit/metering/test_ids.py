"""Request ids: windows, forms, and ids made for those who brought none."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import MalformedRequestId, RequestIdOutsideWindow
from infermeter.metering.ids import (
    FUTURE_S,
    LEDGER_TTL_S,
    OPAQUE_WINDOW_S,
    Channel,
    derive_id,
    parse_id,
    recorded_id,
)

NOW_S = 1_790_000_000.0
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
channels = pytest.mark.parametrize("channel", Channel)


def uuid7(time_s: float) -> str:
    return derive_id(int(time_s * 1000), "seed").text


def ulid(time_s: float, rest: str = "0123456789ABCDEF") -> str:
    number, digits = int(time_s * 1000), ""
    for _ in range(10):
        number, digit = divmod(number, 32)
        digits = CROCKFORD[digit] + digits
    return digits + rest


def parse(text: str, channel: Channel = Channel.HTTP) -> object:
    return parse_id(text, now_s=NOW_S, channel=channel)


@channels
@pytest.mark.parametrize("make", [uuid7, ulid])
def test_an_id_as_old_as_the_window_is_accepted(make: object, channel: Channel) -> None:
    assert parse(make(NOW_S - channel.window_s), channel).time_ms is not None


@channels
@pytest.mark.parametrize("make", [uuid7, ulid])
def test_an_id_older_than_the_window_is_refused(make: object, channel: Channel) -> None:
    with pytest.raises(RequestIdOutsideWindow, match="send a new id"):
        parse(make(NOW_S - channel.window_s - 1), channel)


@pytest.mark.parametrize("make", [uuid7, ulid])
def test_an_id_five_minutes_ahead_is_accepted(make: object) -> None:
    parse(make(NOW_S + FUTURE_S))


@pytest.mark.parametrize("make", [uuid7, ulid])
def test_an_id_further_ahead_is_refused(make: object) -> None:
    with pytest.raises(RequestIdOutsideWindow, match="ahead of our clock"):
        parse(make(NOW_S + FUTURE_S + 1))


def test_an_id_of_a_queue_may_be_older_than_one_of_http() -> None:
    text = uuid7(NOW_S - 2 * 24 * 3600)
    assert parse(text, Channel.SQS).text == text
    with pytest.raises(RequestIdOutsideWindow):
        parse(text, Channel.HTTP)


def test_every_window_is_shorter_than_the_ledger_remembers() -> None:
    windows = [OPAQUE_WINDOW_S, *(channel.window_s for channel in Channel)]
    assert max(windows) < LEDGER_TTL_S


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (1_645_557_742_000, "017F22E2-79B0-7CC3-98C4-DC0C0C07398F"),  # RFC 9562, appendix A.6
        (1_469_918_176_385, "01ARYZ6S41TSV4RRFFQ69G5FAV"),  # github.com/ulid/spec
    ],
)
def test_published_examples_carry_their_time(time: int, text: str) -> None:
    assert recorded_id(text).time_ms == time


@pytest.mark.parametrize("make", [uuid7, ulid])
def test_case_does_not_make_another_id(make: object) -> None:
    text = make(NOW_S)
    assert parse(text.lower()) == parse(text.upper())


@pytest.mark.parametrize(
    "text",
    [
        "order-17",
        "x" * 128,
        "!~#/%\"'",
        str(uuid.UUID(int=0, version=4)),
        "8" + "0" * 25,
        "9e107d9d372bb682" + "7bd81d3542a419d6",
        "9e107d9d372b7682" + "bbd81d3542a419d6",
    ],
)
def test_any_other_text_is_opaque(text: str) -> None:
    assert parse(text).time_ms is None
    assert parse(text).text == text


@pytest.mark.parametrize("text", ["", " ", "a b", "x" * 129, "ż", "a\n", "\0", "a\x7f"])
def test_what_is_not_printable_ascii_is_refused(text: str) -> None:
    with pytest.raises(MalformedRequestId, match="printable ASCII"):
        parse(text)


@given(st.text(max_size=140))
def test_any_text_is_an_id_or_refused(text: str) -> None:
    try:
        parsed = parse(text)
    except (MalformedRequestId, RequestIdOutsideWindow):
        return
    assert recorded_id(parsed.text) == parsed


@given(time_ms=st.integers(0, 2**48 - 1), seed=st.text())
def test_a_derived_id_is_a_uuid7_of_its_time(time_ms: int, seed: str) -> None:
    derived = derive_id(time_ms, seed)
    parsed = uuid.UUID(derived.text)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert recorded_id(derived.text) == derived
    assert derived.time_ms == time_ms


@given(time_ms=st.integers(0, 2**48 - 1), seed=st.text())
def test_a_derived_id_is_stable(time_ms: int, seed: str) -> None:
    assert derive_id(time_ms, seed) == derive_id(time_ms, seed)


def test_other_seeds_and_times_give_other_ids() -> None:
    ids = {derive_id(time_ms, str(seed)).text for time_ms in range(20) for seed in range(50)}
    assert len(ids) == 1000
