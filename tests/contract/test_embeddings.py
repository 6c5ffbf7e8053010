"""E*: OpenAI's `/v1/models` and `/v1/embeddings`.

Source: the `openai` SDK's own types, which parse the answers.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pytest

from .server import LIVE

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server
    from .transport import Answer

TEXTS = ["a text", "another one, longer than the first", "z\u017c\u00f3\u0142\u0107 \U0001f600"]
# Rows of a batch may be rounded otherwise than alone.
CLOSE = 1e-4


def vectors(answer: Answer) -> list[np.ndarray[Any, Any]]:
    """The embeddings, once the document is what the SDK's types say."""
    assert answer.status == 200, answer.body[:300]
    assert (answer.header("Content-Type") or "").startswith("application/json")
    document = answer.json
    assert document["object"] == "list"
    assert isinstance(document["model"], str)
    usage = document["usage"]
    assert type(usage["prompt_tokens"]) is int
    assert usage["total_tokens"] == usage["prompt_tokens"] > 0
    assert [entry["object"] for entry in document["data"]] == ["embedding"] * len(document["data"])
    assert [entry["index"] for entry in document["data"]] == list(range(len(document["data"])))
    return [_vector(entry["embedding"]) for entry in document["data"]]


def _vector(embedding: Any) -> np.ndarray[Any, Any]:
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), "<f4")
    assert all(type(value) in (int, float) for value in embedding)
    return np.array(embedding, "<f4")


def refused(server: Server, answer: Answer, *statuses: int, param: str | None = None) -> None:
    """OpenAI's error, which names the parameter; the server stays live."""
    assert answer.status in (statuses or (400,)), answer.body[:300]
    assert answer.header("Content-Type") == "application/json"
    assert list(answer.json) == ["error"]
    error = answer.json["error"]
    assert isinstance(error, dict), f"expected an object, got {error!r}"
    # `param` and `code` may be null, but are there.
    assert error.keys() >= {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["type"], str)
    if param is not None:
        # A peer may leave it null, as the type allows.
        named = error["param"]
        assert (named is None and not server.ours) or named.startswith(param)
    assert server.get(LIVE).status == 200


def test_e1_the_list_of_models_is_openais(server: Server, catalogue: Catalogue) -> None:
    name = catalogue.embedder()
    document = server.get("/v1/models").json
    assert document["object"] == "list"
    for entry in document["data"]:
        assert (type(entry["id"]), entry["object"]) == (str, "model")
        assert (type(entry["created"]), type(entry["owned_by"])) == (int, str)
    assert name in [entry["id"] for entry in document["data"]]


def test_e1_a_model_is_its_entry_of_the_list(server: Server, catalogue: Catalogue) -> None:
    name = catalogue.embedder()
    answer = server.get(f"/v1/models/{quote(name, safe='')}")
    assert answer.status == 200
    assert answer.json in server.get("/v1/models").json["data"]


def test_e1_an_unknown_model_is_not_found(server: Server, catalogue: Catalogue) -> None:
    catalogue.embedder()
    refused(server, server.get("/v1/models/no-such-model"), 404)


def test_e1_an_unknown_route_is_not_found(server: Server, catalogue: Catalogue) -> None:
    catalogue.embedder()
    refused(server, server.get("/v1/nothing"), 404)


def test_e1_a_wrong_method_is_405(server: Server, catalogue: Catalogue) -> None:
    catalogue.embedder()
    refused(server, server.get("/v1/embeddings"), 405)
    refused(server, server.post("/v1/models", {}), 405)


def test_e2_a_text_gives_one_finite_vector(server: Server, catalogue: Catalogue) -> None:
    (vector,) = vectors(catalogue.embed(catalogue.embedder(), TEXTS[0]))
    assert vector.ndim == 1
    assert vector.size
    assert np.isfinite(vector).all()


def test_e2_the_same_text_gives_the_same_vector(server: Server, catalogue: Catalogue) -> None:
    name = catalogue.embedder()
    (one,), (other,) = (vectors(catalogue.embed(name, TEXTS[0])) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_e2_another_text_gives_another_vector(server: Server, catalogue: Catalogue) -> None:
    one, other, *_ = vectors(catalogue.embed(catalogue.embedder(), TEXTS))
    assert not np.allclose(one, other)


def test_e2_user_is_taken_and_means_nothing(server: Server, catalogue: Catalogue) -> None:
    name = catalogue.embedder()
    (one,) = vectors(catalogue.embed(name, TEXTS[0]))
    (other,) = vectors(catalogue.embed(name, TEXTS[0], user="someone"))
    np.testing.assert_array_equal(one, other)


def test_e3_a_batch_gives_each_text_its_own_vector(server: Server, catalogue: Catalogue) -> None:
    name = catalogue.embedder()
    alone = [vectors(catalogue.embed(name, text))[0] for text in TEXTS]
    together = vectors(catalogue.embed(name, TEXTS))
    np.testing.assert_allclose(together, alone, atol=CLOSE)


def test_e3_a_batch_counts_the_tokens_of_all(server: Server, catalogue: Catalogue) -> None:
    name = catalogue.embedder()

    def tokens(input: Any) -> int:
        return catalogue.embed(name, input).json["usage"]["total_tokens"]

    assert tokens(TEXTS) == sum(tokens(text) for text in TEXTS)


def test_e3_token_ids_are_texts_too(server: Server, catalogue: Catalogue) -> None:
    name = catalogue.embedder()
    answer = catalogue.embed(name, [1, 2, 3])
    if answer.status == 400:
        server.differs("token ids are refused")
    (alone,) = vectors(answer)
    together = vectors(catalogue.embed(name, [[1, 2, 3], [4, 5]]))
    assert len(together) == 2
    np.testing.assert_allclose(together[0], alone, atol=CLOSE)
    assert catalogue.embed(name, [[1, 2, 3], [4, 5]]).json["usage"]["prompt_tokens"] == 5


@pytest.mark.parametrize("input", [TEXTS[0], TEXTS], ids=["one", "several"])
def test_e4_base64_holds_the_same_floats(server: Server, catalogue: Catalogue, input: Any) -> None:
    name = catalogue.embedder()
    answer = catalogue.embed(name, input, encoding_format="base64")
    assert all(isinstance(entry["embedding"], str) for entry in answer.json["data"])
    plain = vectors(catalogue.embed(name, input, encoding_format="float"))
    np.testing.assert_array_equal(vectors(answer), plain)


def test_e4_float_is_the_default(server: Server, catalogue: Catalogue) -> None:
    (entry,) = catalogue.embed(catalogue.embedder(), TEXTS[0]).json["data"]
    assert isinstance(entry["embedding"], list)


@pytest.mark.parametrize("encoding", ["hex", "", 5, "BASE64"], ids=repr)
def test_e4_another_format_is_refused(
    server: Server, catalogue: Catalogue, encoding: object
) -> None:
    answer = catalogue.embed(catalogue.embedder(), TEXTS[0], encoding_format=encoding)
    refused(server, answer, param="encoding_format")


def test_e5_dimensions_are_as_many_as_asked_for(server: Server, catalogue: Catalogue) -> None:
    name = catalogue.embedder()
    (whole,) = vectors(catalogue.embed(name, TEXTS[0]))
    answer = catalogue.embed(name, TEXTS[0], dimensions=2)
    # OpenAI's own older models, too, have one size.
    if answer.status == 400:
        refused(server, answer, param="dimensions")
        server.differs("the model's vectors have one size")
    (short,) = vectors(answer)
    assert short.size == 2
    start = whole[:2] / np.linalg.norm(whole[:2])
    np.testing.assert_allclose(short / np.linalg.norm(short), start, atol=CLOSE)


@pytest.mark.parametrize("dimensions", [0, -1, 1.5, "2", 10**6, True], ids=repr)
def test_e5_dimensions_that_the_model_has_not_are_refused(
    server: Server, catalogue: Catalogue, dimensions: object
) -> None:
    answer = catalogue.embed(catalogue.embedder(), TEXTS[0], dimensions=dimensions)
    refused(server, answer, param="dimensions")


WRONG_INPUTS = [
    "",
    [],
    [""],
    ["a", ""],
    5,
    None,
    {},
    ["a", 5],
    [["a"]],
    [[]],
    [1.5],
    [True],
    [-1],
    [2**31 - 1],
    [2**64],
    ["a"] * 2049,
]


@pytest.mark.parametrize("input", WRONG_INPUTS, ids=lambda value: repr(value)[:20])
def test_e6_a_wrong_input_is_refused(server: Server, catalogue: Catalogue, input: Any) -> None:
    refused(server, catalogue.embed(catalogue.embedder(), input), param="input")


@pytest.mark.parametrize("missing", ["model", "input"])
def test_e6_what_is_missing_is_named(server: Server, catalogue: Catalogue, missing: str) -> None:
    document = {"model": catalogue.embedder(), "input": TEXTS[0]}
    del document[missing]
    refused(server, server.post("/v1/embeddings", document), param=missing)


def test_e6_an_unknown_model_is_not_found(server: Server, catalogue: Catalogue) -> None:
    catalogue.embedder()
    refused(server, catalogue.embed("no-such-model", TEXTS[0]), 404, param="model")


def test_e6_a_model_that_does_not_embed_is_refused(server: Server, catalogue: Catalogue) -> None:
    catalogue.embedder()
    others = [each.model.name for each in catalogue.echoes]
    others = [name for name in others if name not in catalogue.embedders]
    if not others:
        server.lacks("every model embeds: publish one that does not")
    refused(server, catalogue.embed(others[0], TEXTS[0]), 400, 404, param="model")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"5", b"[" * 250_000], ids=lambda b: repr(b)[:9]
)
def test_e6_what_is_no_json_object_is_refused(
    server: Server, catalogue: Catalogue, body: bytes
) -> None:
    catalogue.embedder()
    refused(server, server.send("POST", "/v1/embeddings", body))
