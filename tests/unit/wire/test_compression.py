"""Compressed bodies: whole, damaged, and far larger than they look."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import InfermeterError, MalformedBody, TooLarge, UnsupportedEncoding
from infermeter.wire.compression import ENCODINGS, accepted_encoding, compress, decompress

EACH = pytest.mark.parametrize("encoding", ENCODINGS)
LIMIT = 10_000


@EACH
@given(body=st.binary(max_size=200))
def test_a_body_comes_back(encoding: str, body: bytes) -> None:
    assert decompress(compress(body, encoding), encoding, LIMIT) == body


@pytest.mark.parametrize("encoding", [None, "identity", " Identity "])
def test_a_body_without_an_encoding_is_as_it_is(encoding: str | None) -> None:
    assert decompress(b"abc", encoding, 1) == b"abc"


def test_what_others_write_is_read() -> None:
    assert decompress(gzip.compress(b"abc"), "GZIP", LIMIT) == b"abc"
    assert decompress(zlib.compress(b"abc"), "deflate", LIMIT) == b"abc"


@EACH
def test_a_bomb_is_refused_before_it_goes_off(encoding: str) -> None:
    assert decompress(compress(bytes(LIMIT), encoding), encoding, LIMIT) == bytes(LIMIT)
    with pytest.raises(TooLarge, match=f"at most {LIMIT} bytes"):
        decompress(compress(bytes(LIMIT + 1), encoding), encoding, LIMIT)


@EACH
@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b"x" + b])
def test_a_damaged_stream_is_refused(encoding: str, damage: object) -> None:
    with pytest.raises(MalformedBody, match=encoding):
        decompress(damage(compress(b"abc" * 9, encoding)), encoding, LIMIT)  # type: ignore[operator]


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, deflate", "x" * 99, ""])
def test_another_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(UnsupportedEncoding, match="expected gzip or deflate"):
        decompress(b"abc", encoding or "\0", LIMIT)


@EACH
@given(body=st.binary(max_size=60))
def test_any_bytes_are_a_body_or_an_error_of_the_domain(encoding: str, body: bytes) -> None:
    try:
        decompress(body, encoding, LIMIT)
    except InfermeterError:
        return


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("br", None),
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate", "gzip"),
        ("gzip;q=0.1, deflate;q=0.9", "deflate"),
        ("gzip;q=0", None),
        ("gzip;q=0.5, identity", None),
        ("GZIP ; q=1", "gzip"),
        ("gzip;q=x", None),
    ],
)
def test_an_answer_is_compressed_only_when_asked_for(
    header: str | None, encoding: str | None
) -> None:
    assert accepted_encoding(header) == encoding
