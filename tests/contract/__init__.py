"""A conformance suite of the Open Inference Protocol (V2) over HTTP, for any server.

It covers the protocol, the Triton extensions that a server lists in `GET /v2` (binary tensors,
classification, model repository, statistics, model configuration), and OpenAI's `/v1/embeddings`.

    python -m tests.contract.models MODELS             # models to load: ONNX, in Triton's layout
    pytest tests/contract --base-url http://127.0.0.1:8000 [--api-key KEY] [--model NAME ...]
    pytest tests/contract                              # our own functions, in the process
    pytest tests/contract -m I3                        # the checks of one id; `pytest --markers`

Against a URL it needs numpy, pytest, urllib3 and this folder, which may be copied elsewhere and be
called anything (hence the relative imports); `models` needs onnx too. It only reads and infers: it
loads and unloads nothing. Models are found by what they do (one that gives its input back is an
echo), so any will serve; what is not there is skipped, and the reason says what to publish. A
server that lists its models neither by `GET /v2/models` nor by the repository index needs
`--model`.
"""

import pytest

# What these assert is explained on failure as in a test's own module.
pytest.register_assert_rewrite(
    *(f"{__name__}.{module}" for module in ("bodies", "datatypes", "server", "transport"))
)
