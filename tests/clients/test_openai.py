"""OpenAI's own SDK against the local stack, with a model published as one does by hand."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

import numpy as np
import openai
import pytest

from tests.models import TABLE, encoder, tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stack import Stack

TEXTS = ["the cat", "the cat sat on the mat", "purred"]


@pytest.fixture(scope="module")
def model(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The encoder, published from a bare ONNX file and its tokenizer."""
    folder = tmp_path_factory.mktemp("encoder")
    (folder / "encoder.onnx").write_bytes(encoder())
    (folder / "words.json").write_bytes(tokenizer())
    embedding = ("--embedding", "hidden", "--pooling", "mean", "--max-tokens", "16")
    file = ("--tokenizer", str(folder / "words.json"))
    published = stack.json("publish", str(folder / "encoder.onnx"), *embedding, *file)
    return published["model"]


@pytest.fixture
def client(stack: Stack, key: dict[str, str]) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key=key["key"]) as made:
        yield made


def expected(*texts: list[int]) -> np.ndarray:
    means = np.array([TABLE[ids].mean(axis=0) for ids in texts])
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def test_texts_are_embedded(client: openai.OpenAI, model: str) -> None:
    answer = client.embeddings.create(model=model, input=TEXTS)
    found = [entry.embedding for entry in answer.data]
    wanted = expected([2, 4, 5, 3], [2, 4, 5, 6, 7, 4, 9, 3], [2, 11, 3])
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert [entry.index for entry in answer.data] == [0, 1, 2]
    assert (answer.model, answer.usage.prompt_tokens) == (model, 15)


@pytest.mark.parametrize("form", ["float", "base64"])
def test_both_formats_hold_the_same(client: openai.OpenAI, model: str, form: str) -> None:
    usual = client.embeddings.create(model=model, input="the cat").data[0].embedding
    asked = client.embeddings.create(model=model, input="the cat", encoding_format=form)
    found = asked.data[0].embedding
    if isinstance(found, str):
        found = np.frombuffer(base64.b64decode(found), "<f4")
    np.testing.assert_allclose(found, usual, rtol=1e-6)


def test_token_ids_and_fewer_dimensions(client: openai.OpenAI, model: str) -> None:
    answer = client.embeddings.create(model=model, input=[[2, 5, 3], [2, 3]], dimensions=2)
    assert np.array([entry.embedding for entry in answer.data]).shape == (2, 2)
    assert answer.usage.total_tokens == 5


def test_the_answer_says_what_was_billed(client: openai.OpenAI, model: str) -> None:
    mine = {"Idempotency-Key": "mine"}
    create = client.embeddings.with_raw_response.create
    answers = [create(model=model, input=TEXTS, extra_headers=mine) for _ in range(2)]
    assert [each.headers["infermeter-billed"] for each in answers] == ["new", "replay"]
    assert [each.headers["infermeter-units"] for each in answers] == ["3", "3"]
    assert answers[0].content == answers[1].content


def test_without_waiting(stack: Stack, key: dict[str, str], model: str) -> None:
    async def embed() -> list[openai.types.CreateEmbeddingResponse]:
        async with openai.AsyncOpenAI(base_url=f"{stack.url}/v1", api_key=key["key"]) as client:
            create = client.embeddings.create
            return await asyncio.gather(*(create(model=model, input=text) for text in TEXTS))

    answers = asyncio.run(embed())
    assert [answer.usage.total_tokens for answer in answers] == [4, 8, 3]


def test_models_are_listed(client: openai.OpenAI, model: str) -> None:
    listed = {entry.id: entry for entry in client.models.list()}
    assert {"linear", model} <= set(listed)
    assert client.models.retrieve(model) == listed[model]


def test_a_wrong_item_is_named(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model=model, input=["a", "cat " * 15])
    assert (caught.value.param, caught.value.type) == ("input[1]", "invalid_request_error")
    assert "expected 1 to 16 tokens" in str(caught.value)


def test_a_model_that_is_not_there(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.embeddings.create(model="nonesuch", input="a")
    assert (caught.value.param, caught.value.code) == ("model", "model_not_found")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nonesuch")


def test_a_model_that_does_not_embed(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="linear", input="a")
    assert caught.value.param == "model"


def test_a_wrong_key(stack: Stack) -> None:
    with (
        openai.OpenAI(base_url=f"{stack.url}/v1", api_key="sk-wrong") as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.models.list()
    assert caught.value.code == "invalid_api_key"


def test_what_is_not_offered_says_so(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError, match="does not generate text") as caught:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    assert caught.value.status_code == 501
