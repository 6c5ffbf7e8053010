"""OpenAI's embeddings and models: requests decoded, answers encoded.

Source: https://github.com/openai/openai-openapi, and the `openai` SDK's own types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import pybase64

from infermeter.errors import InvalidField
from infermeter.registry.catalog import DEFAULT_ALIAS
from infermeter.wire.excerpts import shown
from infermeter.wire.json_body import parse_json
from infermeter.wire.limits import MAX_EMBEDDINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from infermeter.registry.catalog import ModelRecord, ModelVersion

OWNER = "infermeter"
_FORMATS = ("float", "base64")
_INPUTS = "text, a list of texts, token ids, or a list of lists of token ids"


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model as it was asked for, `name` or `name:version`; the version may be an alias."""

    asked: str
    name: str
    version: str | None


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """What to embed: `texts`, or token ids in `sequences`; the other is empty.

    `listed` says whether the input was a list of items, and not one alone. `dimensions` is 1 or
    more, or None for all; ids are 0 or more.
    """

    model: ModelName
    texts: tuple[str, ...] = ()
    sequences: tuple[list[int], ...] = ()
    listed: bool = False
    dimensions: int | None = None
    base64: bool = False

    def place(self, item: int) -> str:
        """How messages name an item: `input[3]`, or `input` where it is alone."""
        return f"input[{item}]" if self.listed else "input"


def parse_model_name(asked: str) -> ModelName:
    """`name` or `name:version`. Raises InvalidField."""
    name, colon, version = asked.partition(":")
    if not name or (colon and not version):
        raise InvalidField("model", expected="a name, or name:version", got=shown(asked))
    return ModelName(asked, name, version or None)


def decode_embeddings(body: bytes) -> EmbeddingsRequest:
    """The request in a body; fields that it need not have are ignored.

    Raises MalformedBody for what is not JSON, InvalidField naming the field or the item.
    """
    document = parse_json(body)
    if not isinstance(document, dict):
        raise InvalidField("request", expected="an object", got=shown(document))
    model = document.get("model")
    if not isinstance(model, str):
        raise InvalidField("model", expected="a model's name", got=shown(model))
    texts, sequences, listed = _input(document.get("input"))
    return EmbeddingsRequest(
        model=parse_model_name(model),
        texts=texts,
        sequences=sequences,
        listed=listed,
        dimensions=_dimensions(document.get("dimensions")),
        base64=_format(document.get("encoding_format")) == "base64",
    )


def encode_embeddings(
    model: str, vectors: NDArray[np.float32], tokens: int, *, base64: bool = False
) -> bytes:
    """The answer's JSON: a vector to each row of float32 [items, size], C-contiguous."""
    written: list[Any] = [*vectors]
    if base64:
        little = vectors.astype("<f4", copy=False)
        written = [pybase64.b64encode_as_string(row) for row in little]
    return orjson.dumps(
        {
            "object": "list",
            "model": model,
            "data": [
                {"object": "embedding", "index": index, "embedding": vector}
                for index, vector in enumerate(written)
            ],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )


def model_entry(record: ModelRecord, asked: str | None = None) -> dict[str, Any]:
    """A model of the list, as old as the version that `prod` points at, else as the newest."""
    newest = list(record.versions)[-1]
    version = record.versions[record.aliases.get(DEFAULT_ALIAS, newest)]
    return version_entry(version, asked or record.model)


def version_entry(version: ModelVersion, asked: str) -> dict[str, Any]:
    """A version under the name that it was asked for."""
    return {"id": asked, "object": "model", "created": version.published_at, "owned_by": OWNER}


def _input(value: object) -> tuple[tuple[str, ...], tuple[list[int], ...], bool]:
    """Texts, token ids, and whether they came as a list of items."""
    if isinstance(value, str):
        return _texts([value], listed=False), (), False
    if not isinstance(value, list):
        raise InvalidField("input", expected=_INPUTS, got=shown(value))
    if not value:
        raise InvalidField("input", expected=_INPUTS, got="an empty list")
    kind = type(value[0])
    if kind is int:
        return (), (_ids(value, "input"),), False
    if len(value) > MAX_EMBEDDINGS:
        raise InvalidField(
            "input", expected=f"at most {MAX_EMBEDDINGS} items", got=f"{len(value)}; send several"
        )
    if kind is str:
        return _texts(value, listed=True), (), True
    if kind is list:
        return (), tuple(_ids(each, f"input[{i}]") for i, each in enumerate(value)), True
    raise InvalidField("input[0]", expected="text or token ids", got=shown(value[0]))


def _texts(values: Sequence[object], *, listed: bool) -> tuple[str, ...]:
    for index, value in enumerate(values):
        if not isinstance(value, str) or not value:
            field = f"input[{index}]" if listed else "input"
            raise InvalidField(field, expected="text that is not empty", got=shown(value))
    return tuple(str(value) for value in values)


def _ids(values: object, field: str) -> list[int]:
    if not isinstance(values, list) or not values:
        raise InvalidField(field, expected="one or more token ids", got=shown(values))
    # In one sweep first; a second one only finds which.
    if set(map(type, values)) != {int} or min(values) < 0:
        index, value = next(
            (i, each) for i, each in enumerate(values) if type(each) is not int or each < 0
        )
        raise InvalidField(
            f"{field}[{index}]", expected="a token id, an integer of 0 or more", got=shown(value)
        )
    return values


def _dimensions(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidField("dimensions", expected="an integer of 1 or more", got=shown(value))
    return value


def _format(value: object) -> str:
    if value is None:
        return "float"
    if not isinstance(value, str) or value not in _FORMATS:
        raise InvalidField("encoding_format", expected=" or ".join(_FORMATS), got=shown(value))
    return value
