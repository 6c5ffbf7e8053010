"""How often each version was called and how long it took, over all environments, approximately."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.api.listing import readable
from infermeter.api.rendering import render_json
from infermeter.statistics.counters import Counters
from infermeter.wire.statistics import statistics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infermeter.api.exchange import Endpoint, Exchange
    from infermeter.service import Service
    from infermeter.wire.http import HttpResponse


class StatisticsEndpoints:
    """Reads the sums, after the answering environment's own counts were added to them."""

    def __init__(self, service: Service) -> None:
        self._catalog, self._statistics = service.catalog, service.statistics

    def endpoints(self) -> Mapping[str, Endpoint]:
        """By name."""
        return {"server_statistics": self._of_server, "model_statistics": self._of_model}

    def _of_server(self, exchange: Exchange) -> HttpResponse:
        return render_json(statistics(self._called_or_aliased(exchange)))

    def _called_or_aliased(self, exchange: Exchange) -> Iterator[tuple[str, str, Counters]]:
        for model in readable(self._catalog.models(), exchange.caller()):
            record = self._catalog.record(model)
            sums = self._statistics.of_model(model, exchange.deadline)
            listed = {*record.aliases.values(), *sums}
            for version in record.versions:
                if version in listed:
                    yield model, version, sums.get(version, Counters())

    def _of_model(self, exchange: Exchange) -> HttpResponse:
        model, version = exchange.model, exchange.version
        if version is None:
            versions = list(self._catalog.record(model).versions)
        else:
            versions = [self._catalog.resolve(model, version).version]
        sums = self._statistics.of_model(model, exchange.deadline)
        return render_json(
            statistics((model, each, sums.get(each, Counters())) for each in versions)
        )
