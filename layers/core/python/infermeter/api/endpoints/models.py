"""About models: which there are, what they take and give, whether they can be called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.api.listing import readable
from infermeter.api.rendering import render_json
from infermeter.wire.metadata import model_config, model_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infermeter.api.exchange import Endpoint, Exchange
    from infermeter.service import Service
    from infermeter.wire.http import HttpResponse


class ModelEndpoints:
    """Reads the catalogue and the manifests."""

    def __init__(self, service: Service) -> None:
        self._catalog, self._models = service.catalog, service.models

    def endpoints(self) -> Mapping[str, Endpoint]:
        """By name."""
        return {
            "list_models": self._list,
            "model_metadata": self._metadata,
            "model_ready": self._ready,
            "model_config": self._config,
        }

    def _list(self, exchange: Exchange) -> HttpResponse:
        return render_json({"models": readable(self._catalog.models(), exchange.caller())})

    def _metadata(self, exchange: Exchange) -> HttpResponse:
        version = self._catalog.resolve(exchange.model, exchange.version)
        versions = list(self._catalog.record(exchange.model).versions)
        manifest = self._models.manifest(version)
        return render_json(model_metadata(manifest, versions, version.digest))

    def _ready(self, exchange: Exchange) -> HttpResponse:
        self._catalog.resolve(exchange.model, exchange.version)
        return render_json({"name": exchange.model, "ready": True})

    def _config(self, exchange: Exchange) -> HttpResponse:
        version = self._catalog.resolve(exchange.model, exchange.version)
        return render_json(model_config(self._models.manifest(version), version.version))
