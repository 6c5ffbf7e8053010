"""Schemas of OpenAI's bodies, as this server takes and gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.openapi.notation import COUNT, STRING, any_of, listing, record, ref
from infermeter.wire.limits import MAX_EMBEDDINGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infermeter.openapi.notation import Schema

_TEXT: Schema = {"type": "string", "minLength": 1}
_IDS = listing(COUNT, minItems=1)
_VERSIONED: Schema = {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}:.+$"}

OPENAI_SCHEMAS: Mapping[str, Schema] = {
    "OpenAIModel": record(
        {
            "id": STRING,
            "object": {"const": "model"},
            "created": {**COUNT, "description": "Epoch seconds."},
            "owned_by": STRING,
        }
    ),
    "OpenAIModels": record({"object": {"const": "list"}, "data": listing(ref("OpenAIModel"))}),
    "EmbeddingsRequest": record(
        {
            "model": ref("EmbeddingModel"),
            "input": any_of(
                _TEXT,
                listing(_TEXT, minItems=1, maxItems=MAX_EMBEDDINGS),
                _IDS,
                listing(_IDS, minItems=1, maxItems=MAX_EMBEDDINGS),
            ),
        },
        {
            "dimensions": {"type": ["integer", "null"], "minimum": 1},
            "encoding_format": {"enum": ["float", "base64", None]},
            "user": STRING,
        },
    ),
    "Embeddings": record(
        {
            "object": {"const": "list"},
            "model": STRING,
            "data": listing(
                record(
                    {
                        "object": {"const": "embedding"},
                        "index": COUNT,
                        "embedding": any_of(
                            listing({"type": "number"}),
                            {**STRING, "description": "Little-endian FP32 in base64."},
                        ),
                    }
                )
            ),
            "usage": record({"prompt_tokens": COUNT, "total_tokens": COUNT}),
        }
    ),
}


def embedding_model(names: Sequence[str]) -> Schema:
    """The name of one of these models, or `name:version`; any name where none is given."""
    if not names:
        return STRING
    return any_of({"enum": list(names)}, _VERSIONED)
