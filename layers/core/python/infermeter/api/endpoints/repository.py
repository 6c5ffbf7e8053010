"""The model repository: its index, and what loading and unloading mean where nothing stays up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.api.listing import readable
from infermeter.api.rendering import render_json
from infermeter.errors import ModelInUse, NotFound, NothingToLoad
from infermeter.wire.http import HttpResponse
from infermeter.wire.repository import (
    decode_index_request,
    decode_load_request,
    decode_unload_request,
    index,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infermeter.api.exchange import Endpoint, Exchange
    from infermeter.service import Service


class RepositoryEndpoints:
    """What is published can always be called; loading warms the environment that answers."""

    def __init__(self, service: Service) -> None:
        self._catalog, self._models = service.catalog, service.models

    def endpoints(self) -> Mapping[str, Endpoint]:
        """By name."""
        return {
            "repository_index": self._index,
            "load_model": self._load,
            "unload_model": self._unload,
        }

    def _index(self, exchange: Exchange) -> HttpResponse:
        decode_index_request(exchange.request.body)
        names = readable(self._catalog.models(), exchange.caller())
        return render_json(index(self._catalog.record(name) for name in names))

    def _load(self, exchange: Exchange) -> HttpResponse:
        decode_load_request(exchange.request.body)
        try:
            version = self._catalog.resolve(exchange.model, None)
        except NotFound as error:
            raise NothingToLoad(exchange.model, error) from None
        self._models.get(version)
        return HttpResponse(200)

    def _unload(self, exchange: Exchange) -> HttpResponse:
        decode_unload_request(exchange.request.body)
        record = self._catalog.record(exchange.model)
        if record.aliases:
            raise ModelInUse(record.model, tuple(record.aliases))
        self._models.forget(record.model)
        return HttpResponse(200)
