"""OpenAI's routes through the real handler, over moto."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from infermeter.adapters.artifacts import FolderArtifact
from tests.models import TABLE, encoder_manifest, text_encoder, write_artifact
from tests.models import write_encoder as write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functions.site import Answer, Site

PATH = "/v1/embeddings"
TEXTS = ["the cat", "the cat sat on the mat", "purred"]


@pytest.fixture
def encoders(site: Site) -> Site:
    """The encoder published, beside the linear model."""
    publish(site, write(site.folder / "encoder"))
    return site


def publish(site: Site, place: Path, alias: str = "prod") -> str:
    publisher = site.cloud.wiring.publisher
    version = publisher.publish(FolderArtifact(place))
    publisher.promote(version.model, version.version, alias)
    return version.version


def ask(site: Site, input: Any, model: str = "encoder", **fields: Any) -> Answer:
    headers = fields.pop("headers", None)
    return site.ask(path=PATH, body={"model": model, "input": input, **fields}, headers=headers)


def vectors(answer: Answer) -> np.ndarray:
    assert answer.status == 200, answer.body
    return np.array([entry["embedding"] for entry in answer.json["data"]], "<f4")


def refused(site: Site, answer: Answer, status: int, param: str | None, *parts: str) -> None:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    error = answer.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    for part in parts:
        assert part in error["message"]
    assert not site.charges()


def test_a_text_becomes_a_vector_of_length_one(encoders: Site) -> None:
    answer = ask(encoders, "the cat")
    (vector,) = vectors(answer)
    # [CLS] the cat [SEP]
    mean = TABLE[[2, 4, 5, 3]].mean(axis=0)
    np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), rtol=1e-5)
    assert answer.json["model"] == "encoder"
    assert answer.json["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


def test_texts_of_many_lengths_get_what_each_gets_alone(encoders: Site) -> None:
    alone = np.concatenate([vectors(ask(encoders, text)) for text in TEXTS])
    np.testing.assert_allclose(vectors(ask(encoders, TEXTS)), alone, atol=1e-5)


def test_token_ids_are_texts_too(encoders: Site) -> None:
    ids = [2, 4, 5, 3]
    np.testing.assert_array_equal(vectors(ask(encoders, ids)), vectors(ask(encoders, "the cat")))
    answer = ask(encoders, [ids, [2, 3]])
    assert [entry["index"] for entry in answer.json["data"]] == [0, 1]
    assert answer.json["usage"]["total_tokens"] == 6


def test_base64_holds_the_same_floats(encoders: Site) -> None:
    answer = ask(encoders, TEXTS, encoding_format="base64")
    raw = [base64.b64decode(entry["embedding"]) for entry in answer.json["data"]]
    found = [np.frombuffer(each, "<f4") for each in raw]
    np.testing.assert_array_equal(found, vectors(ask(encoders, TEXTS)))


def test_dimensions_keep_the_first_with_length_one(encoders: Site) -> None:
    whole = vectors(ask(encoders, TEXTS))
    short = vectors(ask(encoders, TEXTS, dimensions=2))
    wanted = whole[:, :2] / np.linalg.norm(whole[:, :2], axis=1, keepdims=True)
    np.testing.assert_allclose(short, wanted, rtol=1e-4)


def test_each_item_is_charged_as_a_row(encoders: Site) -> None:
    headers = ask(encoders, TEXTS).headers
    assert (headers["infermeter-units"], headers["infermeter-billed"]) == ("3", "new")
    assert headers["infermeter-model-version"] == "1"
    assert {part.split(";")[0] for part in headers["server-timing"].split(", ")} >= {
        "auth",
        "load",
        "tokenize",
        "infer",
        "meter",
    }
    (charge,) = encoders.charges()
    assert (charge["u"]["N"], charge["un"]["S"]) == ("3", "row")


def test_one_id_is_billed_once(encoders: Site) -> None:
    mine = {"Idempotency-Key": "mine"}
    answers = [ask(encoders, TEXTS, headers=mine) for _ in range(2)]
    assert [each.headers["infermeter-billed"] for each in answers] == ["new", "replay"]
    assert answers[0].body == answers[1].body
    assert answers[0].headers["x-request-id"] == "mine"
    assert len(encoders.charges()) == 1
    assert ask(encoders, "another", headers=mine).status == 422


def test_a_replay_is_tokenized_for_the_version_that_was_charged(encoders: Site) -> None:
    mine = {"Idempotency-Key": "mine"}
    first = ask(encoders, TEXTS, headers=mine)
    place = write(encoders.folder / "next", encoder_manifest(pooling="cls"))
    assert publish(encoders, place) == "2"
    encoders.handler = encoders.cloud.function("infer").handler
    replay = ask(encoders, TEXTS, headers=mine)
    assert replay.headers["infermeter-model-version"] == "1"
    assert replay.body == first.body
    assert not np.allclose(vectors(ask(encoders, TEXTS)), vectors(first))


def test_a_version_or_an_alias_may_follow_the_name(encoders: Site) -> None:
    place = write(encoders.folder / "next", encoder_manifest(pooling="cls"))
    publish(encoders, place, "canary")
    answers = {name: ask(encoders, "cat", f"encoder:{name}") for name in ("1", "2", "canary")}
    versions = [each.headers["infermeter-model-version"] for each in answers.values()]
    assert versions == ["1", "2", "2"]
    assert answers["canary"].json["model"] == "encoder:canary"


def test_compressed_both_ways(encoders: Site) -> None:
    body = gzip.compress(json.dumps({"model": "encoder", "input": "cat"}).encode())
    headers = {"Content-Encoding": "gzip", "Accept-Encoding": "gzip"}
    answer = encoders.ask(path=PATH, body=body, headers=headers)
    assert answer.headers["content-encoding"] == "gzip"
    plain = json.loads(gzip.decompress(answer.body))
    assert plain == ask(encoders, "cat").json


@pytest.mark.parametrize(
    ("fields", "param", "parts"),
    [
        ({"input": "cat " * 15}, "input", ("1 to 16 tokens", "got 17")),
        ({"input": ["a", "cat " * 15]}, "input[1]", ("1 to 16 tokens", "got 17")),
        ({"input": [[1], [1] * 17]}, "input[1]", ("1 to 16 tokens", "got 17")),
        ({"input": [12]}, "input", ("token ids below 12", "got 12")),
        ({"input": [[1], [1, 2**63]]}, "input[1]", ("token ids below 12",)),
        ({"input": ""}, "input", ("not empty",)),
        ({"input": "a", "dimensions": 5}, "dimensions", ("1 to 4", "got 5")),
        ({"input": "a", "model": "linear"}, "model", ("a model that embeds", "'linear'")),
        ({"input": "a", "model": None}, "model", ()),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_input_names_the_parameter(
    encoders: Site, fields: dict[str, Any], param: str, parts: tuple[str, ...]
) -> None:
    answer = encoders.ask(path=PATH, body={"model": "encoder"} | fields)
    refused(encoders, answer, 400, param, *parts)


def test_more_tokens_than_a_function_can_hold(site: Site) -> None:
    publish(site, write(site.folder / "long", encoder_manifest(max_tokens=4096)))
    answer = ask(site, [[1] * 4096, *([[1]] * 40)])
    refused(site, answer, 413, None, "at most 131072 tokens", f"got {41 * 4096}")


def test_more_text_than_a_tokenizer_can_hold(encoders: Site) -> None:
    body = json.dumps({"model": "encoder", "input": "é" * (1 << 20)}, ensure_ascii=False)
    answer = encoders.ask(
        path=PATH, body=gzip.compress(body.encode()), headers={"Content-Encoding": "gzip"}
    )
    refused(encoders, answer, 413, None, "at most 1048576 bytes of text", f"got {1 << 21}")


@pytest.mark.parametrize("model", ["nope", "encoder:7", "encoder:canary", "a/b"])
def test_an_unknown_model_is_not_found(encoders: Site, model: str) -> None:
    answer = ask(encoders, "a", model)
    refused(encoders, answer, 404, "model", "is not found")
    assert answer.json["error"]["code"] == "model_not_found"


def test_a_model_without_a_tokenizer_takes_token_ids_alone(site: Site) -> None:
    publish(site, write(site.folder / "ids", encoder_manifest(tokenizer=None)))
    refused(site, ask(site, "cat"), 400, "input", "token ids", "got text")
    refused(site, ask(site, [2**63]), 400, "input", "token ids below")
    assert vectors(ask(site, [4, 5])).shape == (1, 4)


def test_an_id_that_only_the_model_knows_to_be_wrong_is_its_failure(site: Site) -> None:
    publish(site, write(site.folder / "ids", encoder_manifest(tokenizer=None)))
    refused(site, ask(site, [99]), 422, None, "could not compute")


def test_a_model_that_takes_text_gets_it_as_it_is(site: Site) -> None:
    model, manifest = text_encoder()
    publish(site, write_artifact(site.folder / "text", model, manifest))
    answer = ask(site, ["a", "b", "a"], "text-encoder")
    one, other, again = vectors(answer)
    assert (one == again).all()
    assert not np.allclose(one, other)
    assert answer.json["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
    assert answer.headers["infermeter-units"] == "3"
    refused_ids = ask(site, [1, 2], "text-encoder")
    assert (refused_ids.status, refused_ids.json["error"]["param"]) == (400, "input")


def test_the_models_are_listed(encoders: Site) -> None:
    document = encoders.ask("GET", "/v1/models").json
    assert document["object"] == "list"
    assert [entry["id"] for entry in document["data"]] == ["encoder", "linear"]
    for entry in document["data"]:
        assert (entry["object"], entry["owned_by"]) == ("model", "infermeter")
        record = encoders.cloud.wiring.service.catalog.record(entry["id"])
        assert entry["created"] == record.versions["1"].published_at


def test_a_model_is_its_entry_of_the_list(encoders: Site) -> None:
    entry = encoders.ask("GET", "/v1/models/encoder").json
    assert entry in encoders.ask("GET", "/v1/models").json["data"]
    assert encoders.ask("GET", "/v1/models/encoder:prod").json == entry | {"id": "encoder:prod"}


@pytest.mark.parametrize("model", ["nope", "encoder:7"])
def test_a_model_that_is_not_there(encoders: Site, model: str) -> None:
    refused(encoders, encoders.ask("GET", f"/v1/models/{model}"), 404, "model", "is not found")
