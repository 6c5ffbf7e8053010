"""Finds models by what they do: each is probed once, and the outcome kept."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from .bodies import Tensor, read, request_of, sample
from .datatypes import DATATYPES
from .server import HOW_TO_PUBLISH, Model, Server, Spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .transport import Answer


class Echo:
    """A model that gives each input back as the output of the same position."""

    def __init__(self, model: Model) -> None:
        self.model, self.path = model, model.path
        self.input, self.output = model.inputs[0], model.outputs[0]

    @property
    def datatype(self) -> str:
        """The first input's datatype."""
        return self.input.datatype

    def sample(self, rows: int = 2) -> Tensor:
        """A tensor that the model takes."""
        return sample(self.input.name, self.datatype, self.input.concrete(rows))

    def samples(self, rows: int = 2) -> list[Tensor]:
        """A tensor for each input."""
        return [sample(spec.name, spec.datatype, spec.concrete(rows)) for spec in self.model.inputs]


class Catalogue:
    """The server's models by kind. What is not there skips the check that asks for it."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @cached_property
    def echoes(self) -> tuple[Echo, ...]:
        """Every echo, batched ones of a fixed width first."""
        found = [Echo(model) for model in self._server.models if self._is_echo(model)]
        return tuple(sorted(found, key=lambda echo: not _is_table(echo.input.shape)))

    def echo(
        self, datatype: str, fits: Callable[[tuple[int, ...]], bool] | None = None, of: str = ""
    ) -> Echo:
        """An echo of one tensor, whose shape fits; `of` says in words what does."""
        fitting = (
            echo
            for echo in self._single
            if echo.datatype == datatype and (fits is None or fits(echo.input.shape))
        )
        return self._first(fitting, f"{datatype} {of or 'tensors'}")

    def table(self, datatype: str = "FP32") -> Echo:
        """An echo of [-1,k]: rows on the first axis, k of 2 or more."""
        return self.echo(datatype, _is_table, "of [-1,2] or wider")

    def pair(self) -> Echo:
        """An echo of two tensors or more."""
        several = (echo for echo in self.echoes if len(echo.model.inputs) > 1)
        return self._first(several, "two inputs")

    def any(self) -> Echo:
        """Some echo of one tensor: a model that can be called."""
        order = ("FP32", "INT32", *DATATYPES)
        ranked = sorted(self._single, key=lambda echo: order.index(echo.datatype))
        return self._first(iter(ranked), "its input")

    @cached_property
    def embedders(self) -> tuple[str, ...]:
        """Every model that `POST /v1/embeddings` takes a text for."""
        answer = self._server.get("/v1/models")
        names = [entry["id"] for entry in answer.json["data"]] if answer.status == 200 else []
        return tuple(
            name
            for name in dict.fromkeys((*names, *self._server.model_names))
            if self.embed(name, "a text").status == 200
        )

    def embed(self, model: str, input: Any, **fields: Any) -> Answer:
        """An embeddings request."""
        document = {"model": model, "input": input, **fields}
        return self._server.post("/v1/embeddings", document, Content_Type="application/json")

    def embedder(self) -> str:
        """A model that embeds."""
        if not self.embedders:
            self._server.lacks(
                f"no model answers POST /v1/embeddings: publish one that embeds, {HOW_TO_PUBLISH}"
            )
        return self.embedders[0]

    @property
    def _single(self) -> list[Echo]:
        return [echo for echo in self.echoes if len(echo.model.inputs) == 1]

    def _first(self, echoes: Iterator[Echo], what: str) -> Echo:
        found = next(echoes, None)
        if found is None:
            self._server.lacks(f"no model gives {what} back: publish one, {HOW_TO_PUBLISH}")
        return found

    def _is_echo(self, model: Model) -> bool:
        if not model.inputs or len(model.inputs) != len(model.outputs):
            return False
        pairs = zip(model.inputs, model.outputs, strict=True)
        if any(not _alike(given, back) for given, back in pairs):
            return False
        # Binary, for servers that refuse FP16 in JSON; JSON, for those without the extension.
        return any(self._gives_back(model, form) for form in ("binary", "flat"))

    def _gives_back(self, model: Model, form: str) -> bool:
        sent = Echo(model).samples()
        wanted = {"binary_data_output": True} if form == "binary" else {}
        answer = self._server.infer(model, request_of(*sent, form=form, parameters=wanted))
        if answer.status != 200:
            return False
        try:
            reply = read(answer)
            back = [reply.output(spec.name) for spec in model.outputs]
        except (AssertionError, KeyError, ValueError):
            # An answer that breaks the protocol is for the checks to find, not to hide the model.
            return True
        return [tensor.raw for tensor in back] == [tensor.raw for tensor in sent]


def _alike(given: Spec, back: Spec) -> bool:
    known = given.datatype in DATATYPES
    return known and (given.datatype, given.shape) == (back.datatype, back.shape)


def _is_table(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and shape[0] == -1 and shape[1] >= 2
