"""Bodies of `/v2/uploads`, and the parameters that tell where a large answer lies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from infermeter.errors import InvalidField, TooLarge
from infermeter.wire.excerpts import shown
from infermeter.wire.json_body import parse_json
from infermeter.wire.limits import MAX_UPLOAD_BYTES

if TYPE_CHECKING:
    from infermeter.transfers.answers import StoredAnswer
    from infermeter.transfers.uploads import Upload


def decode_upload_request(body: bytes) -> int:
    """The size in bytes that `{"size": <bytes>}` declares.

    Raises MalformedBody, InvalidField or TooLarge.
    """
    document = parse_json(body)
    if not isinstance(document, dict):
        raise InvalidField("request", expected="an object", got=shown(document))
    size = document.get("size")
    if type(size) is not int or size < 1:
        raise InvalidField("size", expected="a number of bytes from 1", got=shown(size))
    if size > MAX_UPLOAD_BYTES:
        raise TooLarge(
            "size", limit=MAX_UPLOAD_BYTES, got=size, unit="bytes", remedy="send fewer rows"
        )
    return size


def encode_upload(upload: Upload) -> dict[str, Any]:
    """What to send where, and what to name it in a request."""
    return {
        "upload_url": upload.put.url,
        "method": "PUT",
        "headers": upload.put.headers,
        "input_uri": upload.uri,
        "size": upload.size,
        "expires_at": _moment(upload.expires_at),
    }


def output_parameters(answer: StoredAnswer) -> dict[str, Any]:
    """A response's `parameters` when its binary part lies elsewhere."""
    return {
        "output_uri": answer.url,
        "output_bytes": answer.size,
        "output_expires_at": _moment(answer.expires_at),
    }


def _moment(epoch_s: float) -> str:
    """RFC 3339, to the second."""
    return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
