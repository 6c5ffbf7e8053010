"""Request ids: the identity under which one request is charged, however often it is sent.

An id that carries its own time (UUIDv7, RFC 9562; ULID, github.com/ulid/spec) finds the first
attempt's entry in that time's hour, so an id too old to be told from a forgotten one is refused,
never counted anew. Any other id is opaque: its entry lies under the id's own hash.
"""

from __future__ import annotations

import hashlib
import re
from enum import Enum
from typing import NamedTuple

from blake3 import blake3

from infermeter.errors import MalformedRequestId, RequestIdOutsideWindow

MAX_CHARACTERS = 128
FUTURE_S = 5 * 60
OPAQUE_WINDOW_S = 24 * 3600
LEDGER_TTL_S = 35 * 24 * 3600

# With its hyphens: without them, one MD5 in 64 would pass for a UUIDv7 of some far time.
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_VARIANTS = "89ab"
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_CROCKFORD = {letter: value for value, letter in enumerate("0123456789ABCDEFGHJKMNPQRSTVWXYZ")}
_PRINTABLE = re.compile(rf"[!-~]{{1,{MAX_CHARACTERS}}}")


class Channel(Enum):
    """How a request came. `window_s` is how old an id may be to be accepted."""

    HTTP = "http"
    SQS = "sqs"

    @property
    def window_s(self) -> int:
        """Seconds; SQS keeps a message for 14 days at most."""
        return 24 * 3600 if self is Channel.HTTP else 14 * 24 * 3600


# A retry that is accepted must find its first attempt: the ledger forgets later than ids expire.
if max(OPAQUE_WINDOW_S, *(channel.window_s for channel in Channel)) >= LEDGER_TTL_S:
    raise RuntimeError("an acceptance window must be shorter than the ledger's TTL")


class RequestId(NamedTuple):
    """`time_ms` is the id's own time in epoch milliseconds; None for an opaque one."""

    text: str
    time_ms: int | None

    def sha256(self) -> str:
        """Hex digest of the id, which spreads and sorts entries."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def parse_id(text: str, *, now_s: float, channel: Channel) -> RequestId:
    """The id that a caller gave.

    Raises MalformedRequestId for one that is empty, over 128 characters or not printable ASCII;
    RequestIdOutsideWindow for one whose own time is outside the channel's acceptance window.
    """
    if not _PRINTABLE.fullmatch(text):
        raise MalformedRequestId(
            f"request id: expected 1 to {MAX_CHARACTERS} printable ASCII characters without "
            f"spaces, got {len(text)} characters"
        )
    request_id = recorded_id(text)
    if request_id.time_ms is not None:
        _check_window(request_id, now_s, channel)
    return request_id


def recorded_id(text: str) -> RequestId:
    """An id that was accepted before, whatever its age."""
    return _timed(text) or RequestId(text, None)


def derive_id(time_ms: int, seed: str) -> RequestId:
    """An id for a request that brought none: the same time and seed always give the same id."""
    # BLAKE3, as the payload's: OpenSSL takes 4 us to find its SHA-256.
    time, spread = f"{time_ms:012x}", blake3(seed.encode()).hexdigest(length=10)
    # The version, 7, and the variant, binary 10, stand before twelve and sixty-two spread bits.
    variant = _VARIANTS[int(spread[4], 16) & 0b11]
    text = f"{time[:8]}-{time[8:]}-7{spread[:3]}-{variant}{spread[5:8]}-{spread[8:20]}"
    return RequestId(text, time_ms)


def _timed(text: str) -> RequestId | None:
    lower, upper = text.lower(), text.upper()
    if _UUID7.fullmatch(lower):
        return RequestId(lower, int(lower[:8] + lower[9:13], 16))
    if _ULID.fullmatch(upper):
        time_ms = 0
        for letter in upper[:10]:
            time_ms = time_ms << 5 | _CROCKFORD[letter]
        return RequestId(upper, time_ms)
    return None


def _check_window(request_id: RequestId, now_s: float, channel: Channel) -> None:
    age_s = now_s - (request_id.time_ms or 0) / 1000
    if age_s > channel.window_s:
        raise RequestIdOutsideWindow(
            f"request id '{request_id.text}': expected one made in the last "
            f"{channel.window_s // 3600} h, got one {age_s / 3600:.0f} h old; send a new id"
        )
    if age_s < -FUTURE_S:
        raise RequestIdOutsideWindow(
            f"request id '{request_id.text}': expected one at most {FUTURE_S // 60} min ahead of "
            f"our clock, got one {-age_s / 60:.0f} min ahead; check your clock"
        )
