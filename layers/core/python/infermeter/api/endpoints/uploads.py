"""`/v2/uploads`: a place to put tensors that no request can carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.api.rendering import render_json
from infermeter.errors import UnsupportedFeature
from infermeter.wire.uploads import decode_upload_request, encode_upload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infermeter.api.exchange import Endpoint, Exchange
    from infermeter.transfers.uploads import Uploads
    from infermeter.wire.http import HttpResponse


class UploadEndpoints:
    """Offers uploads; none where there is no inputs bucket."""

    def __init__(self, uploads: Uploads | None) -> None:
        self._uploads = uploads

    def endpoints(self) -> Mapping[str, Endpoint]:
        """By name."""
        return {"create_upload": self._create}

    def _create(self, exchange: Exchange) -> HttpResponse:
        size = decode_upload_request(exchange.request.body)
        if self._uploads is None:
            raise UnsupportedFeature("uploads: expected none, as this server keeps no inputs")
        upload = self._uploads.offer(exchange.caller().tenant, size)
        return render_json(encode_upload(upload), 201)
