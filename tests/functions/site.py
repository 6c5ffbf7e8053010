"""The inference function as API Gateway calls it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infermeter.adapters.artifacts import FolderArtifact
from tests.cloud import Context, proxy_event
from tests.models import identity, manifest_of, write_artifact

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cloud import Cloud

ROWS = {"name": "x", "shape": [2, 3], "datatype": "FP32", "data": [1, 2, 3, 4, 5, 6]}


@dataclass
class Answer:
    """A proxy answer as a client sees it: header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as strict JSON."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"not JSON: {constant}")

        return json.loads(self.body, parse_constant=refuse)

    @property
    def error(self) -> str:
        """The message of an error, whose shape is checked."""
        assert self.headers["content-type"] == "application/json"
        assert list(self.json) == ["error"]
        assert isinstance(self.json["error"], str)
        return self.json["error"]


@dataclass
class Site:
    """A fresh environment of the inference function, a key, and the linear model."""

    cloud: Cloud
    folder: Path
    context: Context = field(default_factory=Context)

    def __post_init__(self) -> None:
        self.key = self.cloud.wiring.key_administration.create("acme")
        self.version = self.cloud.publish_linear(self.folder / "linear")
        self.handler = self.cloud.function("infer").handler

    def publish_identity(self, datatype: str) -> str:
        """Publishes a model that gives its input back; its name."""
        name, model = f"identity-{datatype}", identity(datatype)
        manifest = manifest_of(model, name=name, datatype=datatype, width=2)
        artifact = FolderArtifact(write_artifact(self.folder / name, model, manifest))
        version = self.cloud.wiring.publisher.publish(artifact)
        self.cloud.wiring.publisher.promote(name, version.version, "prod")
        return name

    def ask(
        self,
        method: str = "POST",
        path: str = "/v2/models/linear/infer",
        *,
        body: Any = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Answer:
        """Sends a request with the key; bytes travel in base64, as from the gateway."""
        sent = {"inputs": [ROWS]} if body is None and method == "POST" else body
        raw = isinstance(sent, bytes)
        event = proxy_event(
            method,
            path,
            body=base64.b64encode(sent).decode() if raw else sent,
            headers={"x-api-key": self.key.text()} | (headers or {}),
            base64=raw,
            **more,
        )
        return self.send(event)

    def send(self, event: dict[str, Any]) -> Answer:
        """Sends an event as it is."""
        answer = json.loads(json.dumps(self.handler(event, self.context)))
        body = answer["body"]
        content = base64.b64decode(body) if answer["isBase64Encoded"] else body.encode()
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        return Answer(answer["statusCode"], headers, content)

    def charges(self) -> list[dict[str, Any]]:
        """What lies in the ledger."""
        return self.cloud.ledger_items()
