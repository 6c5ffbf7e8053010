"""A server under test: how it is asked, and what it says of itself."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

import pytest

from .bodies import Reply, Request, read

if TYPE_CHECKING:
    from .transport import Answer, Transport

LIVE = "/v2/health/live"
HOW_TO_PUBLISH = "`python -m tests.contract.models FOLDER` makes one"


@dataclass(frozen=True)
class Spec:
    """An input or output of a model's metadata; -1 stands for any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def concrete(self, rows: int = 2) -> tuple[int, ...]:
        """A shape that fits: `rows` where the first dimension is variable, 2 where others are."""
        return tuple(
            size if size >= 0 else (2 if axis else rows) for axis, size in enumerate(self.shape)
        )


@dataclass(frozen=True)
class Model:
    """What a model's metadata says."""

    name: str
    inputs: tuple[Spec, ...]
    outputs: tuple[Spec, ...]
    versions: tuple[str, ...]

    @property
    def path(self) -> str:
        """Where the model lies."""
        return f"/v2/models/{quote(self.name, safe='')}"


class Server:
    """A server behind a transport.

    A `complete` server claims all that the suite knows: what it lacks fails instead of being
    skipped. `named` are the models to use where the server has no list.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        key: str | None = None,
        named: tuple[str, ...] = (),
        complete: bool = False,
    ) -> None:
        self.transport, self.complete = transport, complete
        self._named = named
        self._credential = {} if key is None else {"Authorization": f"Bearer {key}"}

    def send(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """One request, with the key."""
        return self.transport.send(method, path, self._credential | (headers or {}), body)

    def get(self, path: str, **headers: str) -> Answer:
        """A GET; `_` in a header's name stands for `-`."""
        return self.send("GET", path, headers=_named(headers))

    def post(self, path: str, document: Any = None, **headers: str) -> Answer:
        """A POST of a JSON document; of nothing, where none is given."""
        body = b"" if document is None else json.dumps(document).encode()
        return self.send("POST", path, body, _named(headers))

    def infer(self, model: Model, request: Request, **headers: str) -> Answer:
        """An inference request."""
        return self.send(
            "POST", f"{model.path}/infer", request.body, request.headers | _named(headers)
        )

    def reply(self, model: Model, request: Request) -> Reply:
        """The answer to an inference request that must succeed."""
        return read(self.infer(model, request))

    def refuses(self, answer: Answer, *statuses: int, naming: str = "") -> str:
        """The message of an error, which must be the protocol's, and leave the server live.

        Without statuses it is 400, as Triton, KServe and ours answer what is wrong in a request.
        """
        message = error_of(answer, *(statuses or (400,)))
        # As a word: `x` is in `expected`, too.
        named = not naming or re.search(rf"(?<!\w){re.escape(naming)}(?!\w)", message)
        assert named, f"expected a message that names {naming!r}, got {message!r}"
        assert self.get(LIVE).status == 200, "the server is no longer live"
        return message

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """`GET /v2`; an empty object where that fails, which is for M1 to say."""
        answer = self.get("/v2")
        return answer.json if answer.status == 200 else {}

    @property
    def ours(self) -> bool:
        """Whether this is infermeter: where peers may differ, ours may not."""
        return self.complete or self.metadata.get("name") == "infermeter"

    def needs(self, extension: str) -> None:
        """Goes on only where the server lists the extension."""
        listed = [str(name).partition("(")[0] for name in self.metadata.get("extensions", [])]
        if extension not in listed:
            self.lacks(f"{extension} is not among the extensions of GET /v2")

    def lacks(self, reason: str) -> NoReturn:
        """Skips the check; on a complete server, fails it."""
        if self.complete:
            pytest.fail(reason)
        pytest.skip(reason)

    def differs(self, reason: str) -> None:
        """Skips the check on a peer, which may differ here; ours may not."""
        if not self.ours:
            pytest.skip(reason)

    @cached_property
    def model_names(self) -> tuple[str, ...]:
        """`--model`, else `GET /v2/models` (ours, KServe), else the repository's index (Triton)."""
        return self._named or self._listed() or self._indexed()

    @cached_property
    def models(self) -> tuple[Model, ...]:
        """Every model whose metadata can be read."""
        found = (self.model(name) for name in self.model_names)
        return tuple(model for model in found if model is not None)

    def model(self, name: str) -> Model | None:
        """A model by its metadata; None where that is refused."""
        answer = self.get(f"/v2/models/{quote(name, safe='')}")
        if answer.status != 200:
            return None
        document = answer.json
        inputs, outputs = (
            tuple(
                Spec(spec["name"], spec["datatype"], tuple(map(int, spec["shape"])))
                for spec in document.get(side, [])
            )
            for side in ("inputs", "outputs")
        )
        return Model(name, inputs, outputs, tuple(document.get("versions") or ()))

    def _listed(self) -> tuple[str, ...]:
        answer = self.get("/v2/models")
        document = answer.json if answer.status == 200 else None
        return tuple(document.get("models", ())) if isinstance(document, dict) else ()

    def _indexed(self) -> tuple[str, ...]:
        answer = self.post("/v2/repository/index")
        if answer.status != 200:
            # MLServer wants a document.
            answer = self.post("/v2/repository/index", {})
        if answer.status != 200:
            return ()
        ready = [entry for entry in answer.json if entry.get("state", "READY") == "READY"]
        return tuple(dict.fromkeys(entry["name"] for entry in ready))


def error_of(answer: Answer, *statuses: int) -> str:
    """The message of `{"error": "..."}`, under one of the statuses.

    The content type is exactly `application/json`: the kserve client compares it with `==`.
    """
    assert answer.status in statuses, (
        f"expected status {' or '.join(map(str, statuses))}, got {answer.status}: "
        f"{answer.body[:300]!r}"
    )
    assert answer.header("Content-Type") == "application/json"
    assert list(answer.json) == ["error"]
    message = answer.json["error"]
    assert isinstance(message, str)
    assert message
    return message


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
