"""Our own inference function in the process: real events, the real handler, moto beneath."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from infermeter.adapters.artifacts import FolderArtifact
from tests.cloud import Context, make_cloud, proxy_event

from .models import write_all
from .server import Server
from .transport import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from infermeter.registry.publication import Publisher

# Published twice, so that a path's version matters.
TWICE = "contract-fp32"


class EventTransport:
    """Requests as REST proxy events; a body travels in base64, as `binaryMediaTypes` has it."""

    def __init__(self, handler: Callable[[dict[str, Any], Context], dict[str, Any]]) -> None:
        self._handler = handler

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The handler's answer to the request's event."""
        text = base64.b64encode(body).decode() if body else None
        given = dict(headers)
        return self.invoke(proxy_event(method, path, body=text, headers=given, base64=bool(body)))

    def invoke(self, event: dict[str, Any]) -> Answer:
        """The answer to an event as it is; both cross a JSON boundary, as in Lambda."""
        answer = json.loads(json.dumps(self._handler(json.loads(json.dumps(event)), Context())))
        text = answer["body"]
        body = base64.b64decode(text, validate=True) if answer["isBase64Encoded"] else text.encode()
        return Answer(answer["statusCode"], answer["headers"], body)


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server with every fixture published, and a key for it."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        cloud = make_cloud(patch)
        for place in write_all(folder):
            _publish(cloud.wiring.publisher, place)
        key = cloud.wiring.key_administration.create("contract").text()
        transport = EventTransport(cloud.function("infer").handler)
        yield Server(transport, key=key, complete=True)


def _publish(publisher: Publisher, place: Path) -> None:
    artifact, name = FolderArtifact(place), place.name
    version = publisher.publish(artifact).version
    publisher.promote(name, version, "prod")
    if name == TWICE:
        publisher.publish(artifact, lineage={"contract": "the second version"})
