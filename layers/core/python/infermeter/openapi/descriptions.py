"""What each endpoint of the route table does, takes and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infermeter.openapi.answers import BILLED, success
from infermeter.openapi.notation import BOOLEAN, json_content, record, ref
from infermeter.openapi.page import ASSETS

if TYPE_CHECKING:
    from collections.abc import Mapping

OCTETS = "application/octet-stream"
_KEPT = ("etag", "cache-control")
_TENANTS_OWN = ("cache-control", "content-encoding")


@dataclass(frozen=True, slots=True)
class Description:
    """An endpoint in the document's terms.

    `answer` is its success; `refusals` are the statuses it refuses with, beside those that its
    need of a key brings. `parameters` are names of components. `optional_key`: a public route
    that shows more to those who have a key.
    """

    tag: str
    summary: str
    answer: Mapping[str, Any]
    refusals: tuple[int, ...] = ()
    text: str = ""
    body: Mapping[str, Any] | None = None
    parameters: tuple[str, ...] = ()
    optional_key: bool = False
    status: str = "200"


def _json(name: str, description: str) -> dict[str, Any]:
    return success(description, json_content(ref(name)))


def _optional(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"required": False, "content": json_content(dict(schema))}


def inference_body(content: Mapping[str, Any]) -> dict[str, Any]:
    """The body of `/infer` with this JSON content; what is binary is the same for all models."""
    return {
        "required": True,
        "description": f"JSON; or `{OCTETS}`: a JSON part of Inference-Header-Content-Length "
        "bytes, then the tensors that have a `binary_data_size`, little-endian, in order.",
        "content": {**content, OCTETS: {"schema": {"type": "string", "format": "binary"}}},
    }


def inference_answer(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of `/infer` with this JSON schema."""
    return success(
        f"The outputs: JSON, or `{OCTETS}` once an output was asked for in binary.",
        {**json_content(dict(schema)), OCTETS: {}},
        (*BILLED, "inference-header-content-length"),
    )


DESCRIPTIONS: Mapping[str, Description] = {
    "server_metadata": Description(
        "Server",
        "Name, version and extensions of the server",
        _json("ServerMetadata", "About the server."),
    ),
    "server_live": Description("Server", "Whether it lives", _json("ServerLive", "It does.")),
    "server_ready": Description(
        "Server", "Whether it can be called", _json("ServerReady", "It can.")
    ),
    "list_models": Description(
        "Models", "Names of the models", _json("ModelNames", "All that are published.")
    ),
    "model_metadata": Description(
        "Models",
        "Inputs, outputs and versions of a model",
        _json("ModelMetadata", "The signature of the version."),
        (404,),
    ),
    "model_ready": Description(
        "Models",
        "Whether a model can be called",
        _json("ModelReady", "What is published is ready."),
        (404,),
    ),
    "model_config": Description(
        "Models", "A model's configuration", _json("ModelConfig", "As Triton tells it."), (404,)
    ),
    "server_statistics": Description(
        "Models",
        "Calls and durations of all models",
        _json("Statistics", "Sums over all environments, approximate; no bill is made of them."),
    ),
    "model_statistics": Description(
        "Models",
        "Calls and durations of a model",
        _json("Statistics", "Sums over all environments, approximate; no bill is made of them."),
        (404,),
    ),
    "infer": Description(
        "Inference",
        "Tensors in, tensors out",
        inference_answer(ref("InferenceResponse")),
        (400, 403, 404, 409, 413, 415, 422, 504),
        "Each answer says what was charged. Send an Idempotency-Key and retry as often as you "
        "like: one id is charged once.",
        inference_body(json_content(ref("InferenceRequest"))),
        ("IdempotencyKey", "JsonLength", "ContentEncoding", "AcceptEncoding"),
    ),
    "create_upload": Description(
        "Inference",
        "A place to put a tensor that no request can carry",
        success("Where to send it, and what to name it.", json_content(ref("Upload"))),
        (400, 413, 501),
        "PUT the bytes to `upload_url` with the `headers` given, then name the `input_uri` in the "
        "parameters of an input, or of a request for its whole binary part.",
        {"required": True, "content": json_content(ref("UploadRequest"))},
        status="201",
    ),
    "repository_index": Description(
        "Repository",
        "Every version of every model",
        _json("RepositoryIndex", "All are ready."),
        (400, 413),
        body=_optional(record({}, {"ready": BOOLEAN})),
    ),
    "load_model": Description(
        "Repository",
        "Warms the environment that answers",
        success("The model is loaded here."),
        (400, 404, 413, 501, 504),
        body=_optional(record({}, {"parameters": record({}, additionalProperties=False)})),
    ),
    "unload_model": Description(
        "Repository",
        "Frees the memory that a model takes, if no alias points at it",
        success("The model is not loaded here."),
        (400, 404, 409, 413),
        body=_optional(
            record({}, {"parameters": record({}, {"unload_dependents": BOOLEAN})}),
        ),
    ),
    "openai_models": Description(
        "OpenAI", "The models", _json("OpenAIModels", "All that are published.")
    ),
    "openai_model": Description(
        "OpenAI", "A model, or `name:version`", _json("OpenAIModel", "The model."), (400, 404)
    ),
    "embeddings": Description(
        "OpenAI",
        "Texts or token ids to vectors",
        success("A vector for each item.", json_content(ref("Embeddings")), BILLED),
        (400, 404, 409, 413, 415, 422, 504),
        "For models whose manifest says that they embed.",
        {"required": True, "content": json_content(ref("EmbeddingsRequest"))},
        ("IdempotencyKey", "ContentEncoding", "AcceptEncoding"),
    ),
    "usage": Description(
        "Usage",
        "What was used, by time and by key, model and version",
        success(
            "Rows in order of time, of the key's own tenant and the models that the key may see.",
            {**json_content(ref("Usage")), "text/csv": {}},
            ("cache-control", "content-encoding", "infermeter-next-after"),
        ),
        (400,),
        "Rows whose hours are sealed are final. Those of open hours are made from the ledger as it "
        "is now. CSV has the same columns.",
        parameters=(
            *("From", "To", "Window", "GroupBy", "Limit", "After", "TableFormat"),
            "AcceptEncoding",
        ),
    ),
    "usage_request": Description(
        "Usage",
        "What one request was charged",
        success("Its entries in the ledger.", json_content(ref("UsageOfRequest")), _TENANTS_OWN),
        (400, 404),
        "For 35 days after the request.",
        parameters=("AcceptEncoding",),
    ),
    "statement": Description(
        "Usage",
        "What a month comes to",
        success(
            "Lines and totals. Once it is final it does not change.",
            {
                **json_content(ref("Statement")),
                "text/csv": {},
                "text/html": {},
            },
            _TENANTS_OWN,
        ),
        (400, 404),
        "For keys that may see the usage of all models.",
        parameters=("PageFormat", "AcceptEncoding"),
    ),
    "usage_limits": Description(
        "Usage",
        "What limits the key and its tenant, and what of it was used this month",
        success("Rates and budgets.", json_content(ref("UsageLimits")), _TENANTS_OWN),
        (400,),
        parameters=("AcceptEncoding",),
    ),
    "openapi": Description(
        "Documentation",
        "This document; with a key, with the models that the key may call",
        success("An OpenAPI document.", json_content({"type": "object"}), ("cache-control",)),
        (401, 503),
        optional_key=True,
    ),
    "docs": Description(
        "Documentation",
        "This document as a page",
        success("A page.", {"text/html; charset=utf-8": {}}, ("cache-control",)),
        (404,),
    ),
    "docs_asset": Description(
        "Documentation",
        "What the page is made of",
        success(
            "The asset.",
            {kind: {} for kind in ASSETS.values()},
            (*_KEPT, "content-encoding"),
        ),
        (404,),
        parameters=("IfNoneMatch",),
    ),
}
