"""POSTs to vendors, by the standard library: a redirect is an answer and is not followed."""

from __future__ import annotations

import http.client
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from infermeter.export.configuration import LOCAL_HOSTS
from infermeter.export.vendors import Answer, Silence

if TYPE_CHECKING:
    from infermeter.export.vendors import Post

CONNECT_S, READ_S = 3.0, 10.0
_ANSWER_BYTES = 64 * 1024


class HttpPoster:
    """The `Poster`: TLS with the system's authorities; plain text to this machine alone."""

    def __call__(self, post: Post) -> Answer | Silence:
        """One connection and one request; nothing is tried again."""
        parts = urlsplit(post.url)
        connection = _connection(parts.scheme, parts.hostname or "", parts.port)
        if connection is None:
            return Silence(f"expected https://, got {parts.scheme}://{parts.hostname}", False)
        try:
            try:
                connection.connect()
            except OSError as error:
                return Silence(f"cannot connect: {error}", False)
            if connection.sock is not None:
                connection.sock.settimeout(READ_S)
            connection.request("POST", parts.path or "/", post.body, post.headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(_ANSWER_BYTES))
        except (OSError, http.client.HTTPException) as error:
            return Silence(f"no answer: {type(error).__name__}", True)
        except ValueError:
            # The library's own words would repeat the header, and the token in it.
            return Silence("the token has characters that no header may have", False)
        finally:
            connection.close()


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection | None:
    if scheme == "https" and host:
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=CONNECT_S, context=context)
    if scheme == "http" and host in LOCAL_HOSTS:
        return http.client.HTTPConnection(host, port, timeout=CONNECT_S)
    return None
