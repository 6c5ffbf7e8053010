"""The ids of the checks: each test is named `test_<id>_<what must hold>`."""

from __future__ import annotations

import re

IDS = {
    "M1": "server metadata: name, version, extensions; /v2/ is /v2",
    "M2": "the server is live",
    "M3": "the server is ready",
    "M4": "model metadata: name, platform, inputs, outputs",
    "M5": "model readiness",
    "M6": "an unknown model or version is an error that says so",
    "M7": "version path, alias path and no version agree; the answer names the version",
    "M8": "405 for a wrong method, 404 for an unknown route, odd model names",
    "I1": "every datatype comes back bit for bit: flat, nested or binary, into JSON or binary",
    "I2": "JSON and binary tensors mixed, in either order; binary_data over binary_data_output",
    "I3": "the request's id is echoed, or absent",
    "I4": "the outputs asked for, in the order asked for",
    "I5": "a wrong tensor is refused, and the message names the input",
    "I6": "empty tensors, scalars, batches of 1, many and too many",
    "I7": "non-finite numbers: strict JSON, bit for bit in binary",
    "I8": "BYTES: NUL inside, text that is not UTF-8, damaged lengths",
    "B1": "Inference-Header-Content-Length: absent, 0 (a raw tensor), wrong",
    "B2": "binary sizes that do not fit the tensor or the body",
    "B3": "gzip and deflate, both ways; bombs and unknown encodings",
    "C1": "classification: top n, labels, batches",
    "S1": "JSON nested too deeply",
    "R7": "the list of models",
    "R8": "model configuration",
    "R9": "statistics",
    "R10": "the repository's index",
    "R11": "loading and unloading",
    "X1": "generation: offered, or refused as an error",
    "X2": "shared memory, tracing and logging: offered, or refused as an error",
    "X3": "/v1 completions: offered, or refused as an error",
    "E1": "GET /v1/models",
    "E2": "POST /v1/embeddings: the document",
    "E3": "batches of texts, and token ids",
    "E4": "encoding_format base64",
    "E5": "dimensions",
    "E6": "a wrong request is refused in OpenAI's shape",
    "L1": "API Gateway's events: payloads 1.0 and 2.0, base64, header case, stages",
    "Z1": "the suite itself: what is planted is caught",
}
_NAME = re.compile(r"test_([a-z][0-9]+)_")


def id_of(test: str) -> str:
    """The id in a test's name; ValueError for a name without one."""
    found = _NAME.match(test)
    if found is None or found[1].upper() not in IDS:
        raise ValueError(f"{test}: expected test_<id>_<what must hold>, id one of {', '.join(IDS)}")
    return found[1].upper()
