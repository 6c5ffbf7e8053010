"""The functions as a WSGI application: each request becomes a gateway's event."""

from __future__ import annotations

import base64
import copy
import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

from tests.cloud import proxy_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse

    from tests.functions.site import Answer, Site


def application(site: Site) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    """Serves the site's handler and, where the gateway leads there, usage's."""
    usage = copy.copy(site)
    usage.handler = site.cloud.function("usage").handler

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        event = _event(environ)
        of_usage = event["path"] == "/v1/usage" or event["path"].startswith("/v1/usage/")
        answer = (usage if of_usage else site).send(event)
        status = HTTPStatus(answer.status)
        # As a client reads it: werkzeug's test client leaves a compressed body as it is.
        body = _plain(answer)
        start_response(f"{status.value} {status.phrase}", list(answer.headers.items()))
        return [body]

    return serve


def _plain(answer: Answer) -> bytes:
    encoding = answer.headers.get("content-encoding")
    return zlib.decompress(answer.body, 32 + zlib.MAX_WBITS) if encoding else answer.body


def _event(environ: dict[str, Any]) -> dict[str, Any]:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    # WSGI has the path's bytes as latin-1.
    path = quote(environ["PATH_INFO"].encode("latin-1"))
    size = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(size)
    event = proxy_event(
        environ["REQUEST_METHOD"],
        path,
        body=base64.b64encode(body).decode() if body else None,
        headers=headers,
        base64=bool(body),
    )
    event["multiValueQueryStringParameters"] = (
        parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True) or None
    )
    return event
