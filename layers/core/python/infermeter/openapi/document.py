"""The whole document: routes, and the models' own paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infermeter import __version__
from infermeter.openapi.answers import HEADERS, failure_components
from infermeter.openapi.descriptions import inference_answer, inference_body
from infermeter.openapi.examples import example_embedding, example_request
from infermeter.openapi.notation import json_content, ref
from infermeter.openapi.openai import OPENAI_SCHEMAS, embedding_model
from infermeter.openapi.operations import operation
from infermeter.openapi.parameters import PARAMETERS
from infermeter.openapi.schemas import SCHEMAS
from infermeter.openapi.signatures import request_schema, response_schema, signature_text
from infermeter.openapi.usage import USAGE_SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infermeter.api.routes import Route
    from infermeter.manifest import Manifest

_ABOUT = (
    "Models as a metered service, over the Open Inference Protocol (V2). A key goes into "
    "`Authorization: Bearer <key>` or `x-api-key: <key>`. With it, this document also has the "
    "models' own paths, with their inputs and outputs."
)
_INFER = "/v2/models/{model}/infer"
_EMBEDDINGS = "/v1/embeddings"


def document(routes: Sequence[Route], manifests: Sequence[Manifest] = ()) -> dict[str, Any]:
    """OpenAPI 3.1 of these routes and, with paths and schemas of their own, of these models.

    Raises LookupError for a route whose endpoint is not described.
    """
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route)
    schemas = {**SCHEMAS, **OPENAI_SCHEMAS, **USAGE_SCHEMAS}
    examples = {
        manifest.name: example_embedding(manifest.name, manifest.embedding, manifest.signature)
        for manifest in manifests
        if manifest.embedding
    }
    schemas["EmbeddingModel"] = embedding_model([*examples])
    if examples:
        paths[_EMBEDDINGS]["post"] = _embeddings_operation(paths[_EMBEDDINGS]["post"], examples)
    for manifest in manifests:
        path = _INFER.format(model=manifest.name)
        paths[path] = {"post": _model_operation(paths[_INFER]["post"], manifest)}
        schemas[f"{manifest.name}.Request"] = request_schema(manifest)
        schemas[f"{manifest.name}.Response"] = response_schema(manifest)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "infermeter",
            "version": __version__,
            "summary": "Models as a metered service",
            "description": _ABOUT,
        },
        # Relative to the document's own place, so right behind a stage (`/live/openapi.json`) too;
        # "." rather than "./", since paths begin with "/" and many tools only join the two.
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": failure_components(paths),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _model_operation(generic: dict[str, Any], manifest: Manifest) -> dict[str, Any]:
    """`/infer` of one model: the generic operation with its own schemas."""
    name, example = manifest.name, example_request(manifest)
    request = json_content(
        ref(f"{name}.Request"),
        **({} if example is None else {"examples": {"row": {"value": example}}}),
    )
    return generic | {
        # No operation of a route has a hyphen.
        "operationId": f"infer-{name}",
        "summary": f"Tensors in, tensors out: {name}",
        "description": f"{signature_text(manifest)}\n\n{generic['description']}",
        "parameters": [each for each in generic["parameters"] if each.get("in") != "path"],
        "requestBody": inference_body(request),
        "responses": generic["responses"] | {"200": inference_answer(ref(f"{name}.Response"))},
    }


def _embeddings_operation(generic: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    """`/v1/embeddings` with an example for each model that embeds."""
    request = json_content(
        ref("EmbeddingsRequest"),
        examples={name: {"value": each} for name, each in examples.items()},
    )
    return generic | {"requestBody": generic["requestBody"] | {"content": request}}
