"""OpenAI's routes: the models, and embeddings of texts or token ids by those that embed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from infermeter.api.accounting import with_account
from infermeter.api.arrival import arrive
from infermeter.api.listing import readable
from infermeter.api.packing import pack
from infermeter.api.rendering import JSON, render_json
from infermeter.embedding import batch_texts, batch_tokens, takes_text, vectors
from infermeter.errors import InvalidField, TooLarge
from infermeter.inference import InferenceRequest
from infermeter.service import Delivery
from infermeter.wire.limits import MAX_PADDED_TOKENS, MAX_TEXT_BYTES
from infermeter.wire.openai import (
    decode_embeddings,
    encode_embeddings,
    model_entry,
    parse_model_name,
    version_entry,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infermeter.api.exchange import Endpoint, Exchange
    from infermeter.embedding import Batch, Embedding
    from infermeter.engine.models import ServedModel
    from infermeter.inference import InferenceResult
    from infermeter.service import Call, Service
    from infermeter.wire.http import HttpResponse
    from infermeter.wire.openai import EmbeddingsRequest


class OpenAIEndpoints:
    """Speaks OpenAI's protocol over the same path."""

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        self._service, self._clock = service, clock

    def endpoints(self) -> Mapping[str, Endpoint]:
        """By name."""
        return {
            "openai_models": self._models,
            "openai_model": self._model,
            "embeddings": self._embed,
        }

    def _models(self, exchange: Exchange) -> HttpResponse:
        catalog = self._service.catalog
        names = readable(catalog.models(), exchange.caller())
        entries = [model_entry(catalog.record(name)) for name in names]
        return render_json({"object": "list", "data": entries})

    def _model(self, exchange: Exchange) -> HttpResponse:
        model = parse_model_name(exchange.model)
        exchange.model = model.name
        catalog = self._service.catalog
        if model.version is None:
            return render_json(model_entry(catalog.record(model.name)))
        return render_json(version_entry(catalog.resolve(model.name, model.version), model.asked))

    def _embed(self, exchange: Exchange) -> HttpResponse:
        headers = exchange.request.headers
        arrival = arrive(exchange, self._clock())
        asked = decode_embeddings(arrival.body)
        exchange.model = asked.model.name
        # By version: a replay may be answered by another than the first, with another tokenizer.
        batches: dict[str, Batch] = {}

        def for_model(model: ServedModel) -> InferenceRequest:
            started = time.perf_counter()
            batch = batches[model.version.version] = _batch(model, asked)
            exchange.timings["tokenize"] = time.perf_counter() - started
            return InferenceRequest(batch.tensors, (batch.embedding.output,), tokens=batch.tokens)

        def deliver(_: Call, result: InferenceResult) -> Delivery[HttpResponse]:
            batch = batches[result.version]
            found = vectors(batch, result.outputs[0].array, asked.dimensions)
            body = encode_embeddings(asked.model.asked, found, batch.tokens, base64=asked.base64)
            response = pack(body, {"content-type": JSON}, headers)
            return Delivery(response, len(response.body))

        call = arrival.call(
            "embeddings",
            model=asked.model.name,
            version=asked.model.version,
            request=InferenceRequest(()),
            for_model=for_model,
        )
        exchange.served = served = self._service.infer(call, deliver)
        return with_account(served, exchange.timings)


def _batch(model: ServedModel, asked: EmbeddingsRequest) -> Batch:
    embedding, signature = _embedding(model, asked), model.manifest.signature
    if takes_text(embedding, signature):
        if asked.sequences:
            raise InvalidField(
                "input", expected="text, as this model makes its own tokens", got="token ids"
            )
        return batch_texts(embedding, signature, asked.texts)
    sequences = _tokenized(model, asked) if asked.texts else asked.sequences
    _check_lengths(embedding, asked, sequences)
    if asked.sequences:
        _check_ids(model, embedding, asked)
    return batch_tokens(embedding, signature, sequences)


def _embedding(model: ServedModel, asked: EmbeddingsRequest) -> Embedding:
    embedding = model.manifest.embedding
    if embedding is None:
        raise InvalidField(
            "model",
            expected="a model that embeds",
            got=f"'{asked.model.asked}', which does not; GET /v1/models lists what there is",
        )
    size = model.manifest.signature.output(embedding.output).shape[-1]
    if asked.dimensions is not None and asked.dimensions > size:
        raise InvalidField("dimensions", expected=f"1 to {size}", got=f"{asked.dimensions}")
    return embedding


def _tokenized(model: ServedModel, asked: EmbeddingsRequest) -> Sequence[Sequence[int]]:
    if model.tokenizer is None:
        raise InvalidField(
            "input", expected="token ids, as this model has no tokenizer", got="text"
        )
    size = sum(len(text.encode()) for text in asked.texts)
    if size > MAX_TEXT_BYTES:
        raise TooLarge(
            "input", limit=MAX_TEXT_BYTES, got=size, unit="bytes of text", remedy="send fewer items"
        )
    return model.tokenizer.encode(asked.texts)


def _check_lengths(
    embedding: Embedding, asked: EmbeddingsRequest, sequences: Sequence[Sequence[int]]
) -> None:
    lengths = [len(each) for each in sequences]
    for item, length in enumerate(lengths):
        if not 1 <= length <= embedding.max_tokens:
            raise InvalidField(
                asked.place(item),
                expected=f"1 to {embedding.max_tokens} tokens, special ones included",
                got=f"{length}",
            )
    padded = len(lengths) * max(lengths)
    if padded > MAX_PADDED_TOKENS:
        raise TooLarge(
            "input",
            limit=MAX_PADDED_TOKENS,
            got=padded,
            unit="tokens, each item padded to the longest",
            remedy="send fewer items, or those of like length together",
        )


def _check_ids(model: ServedModel, embedding: Embedding, asked: EmbeddingsRequest) -> None:
    spec = model.manifest.signature.input(embedding.input)
    size = model.tokenizer.size if model.tokenizer else int(np.iinfo(spec.datatype.dtype).max) + 1
    for item, sequence in enumerate(asked.sequences):
        if max(sequence) >= size:
            raise InvalidField(
                asked.place(item), expected=f"token ids below {size}", got=f"{max(sequence)}"
            )
