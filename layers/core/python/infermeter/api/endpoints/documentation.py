"""The API's description: a document, a page that shows it, and what the page is made of."""

from __future__ import annotations

import gzip
import hashlib
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from infermeter.api.credentials import credential
from infermeter.api.listing import readable
from infermeter.api.packing import pack
from infermeter.api.rendering import JSON
from infermeter.api.routes import ROUTES
from infermeter.errors import NotFound, UnknownVersion
from infermeter.openapi.page import ASSETS, page
from infermeter.tenants.scopes import Action
from infermeter.wire.compression import accepted_encoding
from infermeter.wire.http import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infermeter.api.exchange import Endpoint, Exchange
    from infermeter.manifest import Manifest
    from infermeter.service import Service
    from infermeter.tenants.authentication import Principal

ASSETS_PACKAGE = "infermeter_docs"


class DocumentationEndpoints:
    """Describes the routes to everyone and, to who has a key, the models.

    `package` is importable where the documentation layer is, and holds Swagger UI.
    """

    def __init__(self, service: Service, package: str = ASSETS_PACKAGE) -> None:
        self._service, self._package = service, package

    def endpoints(self) -> Mapping[str, Endpoint]:
        """By name."""
        return {"openapi": self._openapi, "docs": self._docs, "docs_asset": self._asset}

    def _openapi(self, exchange: Exchange) -> HttpResponse:
        # Few ask for it: a cold start is not for loading it.
        from infermeter.openapi.document import document

        headers = exchange.request.headers
        key = credential(headers)
        manifests: list[Manifest] = []
        if key is not None:
            exchange.principal = principal = self._service.authenticator.by_secret(key)
            principal.require_served(Action.READ)
            manifests = list(self._manifests(principal))
        body = orjson.dumps(document(ROUTES, manifests))
        return pack(body, {"content-type": JSON, "cache-control": "no-store"}, headers)

    def _manifests(self, principal: Principal) -> Iterator[Manifest]:
        """Those behind `prod`; what no alias of that name points at has no path of its own."""
        catalog, models = self._service.catalog, self._service.models
        for model in readable(catalog.models(), principal):
            try:
                version = catalog.resolve(model, None)
            except UnknownVersion:
                continue
            yield models.manifest(version)

    def _docs(self, exchange: Exchange) -> HttpResponse:
        self._required_folder()
        html, policy = page()
        headers = {
            "content-type": "text/html; charset=utf-8",
            "cache-control": "no-cache",
            "content-security-policy": policy,
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        }
        return pack(html, headers, exchange.request.headers)

    def _asset(self, exchange: Exchange) -> HttpResponse:
        assert exchange.match is not None  # noqa: S101  only a route leads here
        name = exchange.match.names["asset"]
        if name not in ASSETS:
            raise NotFound(f"/docs: expected one of {', '.join(ASSETS)}, got '{name[:80]}'")
        folder, headers = self._required_folder(), exchange.request.headers
        packed = folder / f"{name}.gz"
        zipped = packed.is_file()
        content = (packed if zipped else folder / name).read_bytes()
        answer = {
            "content-type": ASSETS[name],
            "cache-control": "public, max-age=86400",
            "etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
            "vary": "accept-encoding",
        }
        if answer["etag"] in headers.get("if-none-match", ""):
            return HttpResponse(304, b"", answer)
        if zipped and accepted_encoding(headers.get("accept-encoding")) == "gzip":
            answer["content-encoding"] = "gzip"
        elif zipped:
            content = gzip.decompress(content)
        return HttpResponse(200, content, answer, binary=True)

    def _required_folder(self) -> Path:
        if self._folder is None:
            raise NotFound(
                f"/docs: expected the layer with {self._package}, got none; "
                "GET /openapi.json is the same as JSON"
            )
        return self._folder

    @cached_property
    def _folder(self) -> Path | None:
        spec = find_spec(self._package)
        return Path(spec.origin).parent if spec and spec.origin else None
