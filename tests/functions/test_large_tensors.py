"""Tensors that no event carries, over moto: put and read by the URLs that the handler signs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import requests

from infermeter.wire.limits import MAX_UPLOAD_BYTES
from tests.models import BIAS, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.functions.site import Answer, Site

SMALL = np.array([[1, 2, 3], [4, 5, 6]], dtype="<f4")
# 2.6 MB in, 8 MB out as JSON: over Lambda's limit.
LARGE = np.random.default_rng(0).random((400_000, 3), dtype=np.float32)


def upload(site: Site, content: bytes) -> str:
    """What a customer does: asks for a place, puts the bytes there; the URI to name."""
    offered = site.ask(path="/v2/uploads", body={"size": len(content)})
    assert offered.status == 201, offered.body
    place = offered.json
    done = requests.request(
        place["method"], place["upload_url"], data=content, headers=place["headers"], timeout=5
    )
    assert done.status_code == 200, done.text
    return str(place["input_uri"])


def infer(site: Site, body: dict[str, Any], **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return site.ask(body=body, headers=names)


def tensor(rows: np.ndarray = SMALL, **parameters: object) -> dict[str, Any]:
    given = {"name": "x", "datatype": "FP32", "shape": list(rows.shape)}
    return given | {"parameters": parameters}


def by_uri(uri: str, rows: np.ndarray = SMALL) -> dict[str, Any]:
    return {"inputs": [tensor(rows, input_uri=uri)]}


def stored_outputs(document: Mapping[str, Any]) -> np.ndarray:
    """The only output, from where the answer says that it lies."""
    (output,), place = document["outputs"], document["parameters"]
    assert "data" not in output
    content = requests.get(place["output_uri"], timeout=5).content
    assert len(content) == place["output_bytes"] == output["parameters"]["binary_data_size"]
    return np.frombuffer(content, "<f4").reshape(output["shape"])


def test_a_tensor_that_was_put_is_read(site: Site) -> None:
    answer = infer(site, by_uri(upload(site, SMALL.tobytes())))
    assert answer.status == 200
    np.testing.assert_allclose(
        answer.json["outputs"][0]["data"], (SMALL @ WEIGHTS + BIAS).ravel(), rtol=1e-6
    )


def test_the_whole_binary_part_may_be_put(site: Site) -> None:
    uri = upload(site, SMALL.tobytes())
    body = {
        "inputs": [tensor(binary_data_size=SMALL.nbytes)],
        "parameters": {"input_uri": uri},
    }
    assert infer(site, body).status == 200


def test_an_upload_is_not_charged(site: Site) -> None:
    upload(site, SMALL.tobytes())
    assert site.charges() == []


@pytest.mark.parametrize(
    ("size", "status"), [(1, 201), (MAX_UPLOAD_BYTES, 201), (MAX_UPLOAD_BYTES + 1, 413), (0, 400)]
)
def test_an_uploads_size_is_bounded(site: Site, size: int, status: int) -> None:
    assert site.ask(path="/v2/uploads", body={"size": size}).status == status


def test_an_upload_needs_a_key(site: Site) -> None:
    answer = site.ask(path="/v2/uploads", body={"size": 1}, headers={"x-api-key": ""})
    assert answer.status == 401


def test_a_neighbours_upload_is_refused_whether_it_exists_or_not(site: Site) -> None:
    uri = upload(site, SMALL.tobytes())
    site.key = site.cloud.wiring.key_administration.create("umbrella")
    answers = [infer(site, by_uri(each)) for each in (uri, uri[:-1] + "?")]
    assert [answer.status for answer in answers] == [403, 403]
    for answer in answers:
        assert "below 's3://test-inputs/umbrella/'" in answer.error
    assert site.charges() == []


@pytest.mark.parametrize(
    ("uri", "status", "words"),
    [
        ("s3://test-inputs/acme/uploads/none", 400, "expected an upload, PUT before"),
        ("s3://test-models/models/linear/1/model.onnx", 403, "expected the URI of an object"),
        ("s3://test-inputs/acme/../umbrella/uploads/1", 403, "expected the URI of an object"),
        (5, 400, "expected an s3:// URI, got 5"),
    ],
)
def test_a_uri_of_nothing_to_read_is_refused_and_not_charged(
    site: Site, uri: str, status: int, words: str
) -> None:
    answer = infer(site, by_uri(uri))
    assert (answer.status, site.charges()) == (status, [])
    assert words in answer.error


def test_an_object_of_another_size_than_the_shape_says_is_refused(site: Site) -> None:
    answer = infer(site, by_uri(upload(site, SMALL.tobytes()[:-4])))
    assert (answer.status, site.charges()) == (400, [])
    assert "input 'x': expected" in answer.error


def test_an_object_over_the_limit_is_refused_unread(site: Site) -> None:
    site.cloud.wiring.clients.s3().put_object(
        Bucket="test-inputs", Key="acme/large", Body=bytes(MAX_UPLOAD_BYTES + 4)
    )
    answer = infer(site, by_uri("s3://test-inputs/acme/large"))
    assert (answer.status, site.charges()) == (413, [])


def test_another_content_under_the_same_id_is_another_request(site: Site) -> None:
    s3 = site.cloud.wiring.clients.s3()
    place = {"Bucket": "test-inputs", "Key": "acme/rows"}
    statuses = []
    for rows in (SMALL, SMALL, SMALL + 1):
        s3.put_object(**place, Body=rows.tobytes())
        answer = infer(site, by_uri("s3://test-inputs/acme/rows"), idempotency_key="mine")
        statuses.append((answer.status, answer.headers.get("infermeter-billed")))
    assert statuses == [(200, "new"), (200, "replay"), (422, None)]
    assert len(site.charges()) == 1


def test_an_answer_over_the_limit_lies_behind_a_signed_url(site: Site) -> None:
    answer = infer(site, by_uri(upload(site, LARGE.tobytes()), LARGE))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["infermeter-units"] == "400000"
    np.testing.assert_allclose(stored_outputs(answer.json), LARGE @ WEIGHTS + BIAS, rtol=1e-5)


def test_the_entry_counts_what_was_put_and_what_was_stored(site: Site) -> None:
    body = by_uri(upload(site, LARGE.tobytes()), LARGE)
    answer = infer(site, body)
    (entry,) = site.charges()
    assert int(entry["bi"]["N"]) == len(json.dumps(body)) + LARGE.nbytes
    assert int(entry["bo"]["N"]) == len(answer.body) + answer.json["parameters"]["output_bytes"]


def test_a_replay_finds_the_large_answer_where_it_was(site: Site) -> None:
    uri = upload(site, LARGE.tobytes())
    first, second = (infer(site, by_uri(uri, LARGE), idempotency_key="mine") for _ in range(2))
    assert second.headers["infermeter-billed"] == "replay"
    np.testing.assert_array_equal(stored_outputs(first.json), stored_outputs(second.json))
    stored = site.cloud.wiring.clients.s3().list_objects_v2(Bucket="test-results")
    assert stored["KeyCount"] == 1
    assert len(site.charges()) == 1


def test_a_replay_after_the_alias_moved_finds_the_recorded_versions_answer(site: Site) -> None:
    uri = upload(site, LARGE.tobytes())
    infer(site, by_uri(uri, LARGE), idempotency_key="mine")
    site.cloud.publish_linear(site.folder / "second", bias=BIAS + 1)
    site.handler = site.cloud.function("infer").handler
    answer = infer(site, by_uri(uri, LARGE), idempotency_key="mine")
    assert answer.headers["infermeter-model-version"] == "1"
    np.testing.assert_allclose(stored_outputs(answer.json), LARGE @ WEIGHTS + BIAS, rtol=1e-5)


def test_a_large_answer_holds_classes_where_they_were_asked_for(site: Site) -> None:
    body = by_uri(upload(site, LARGE.tobytes()), LARGE)
    body["outputs"] = [{"name": "y", "parameters": {"classification": 2}}]
    document = infer(site, body).json
    (output,) = document["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [400_000, 2])
    content = requests.get(document["parameters"]["output_uri"], timeout=5).content
    size = int.from_bytes(content[:4], "little")
    assert content[4 : 4 + size].count(b":") == 1


def test_without_a_bucket_for_it_a_large_answer_is_refused_and_not_charged(site: Site) -> None:
    site.cloud.resources = replace(site.cloud.resources, results_bucket="")
    site.handler = site.cloud.function("infer").handler
    answer = infer(site, by_uri(upload(site, LARGE.tobytes()), LARGE))
    assert (answer.status, site.charges()) == (413, [])
    assert "fewer rows" in answer.error


def test_a_large_answer_that_is_late_is_not_stored(site: Site) -> None:
    body = by_uri(upload(site, LARGE.tobytes()), LARGE) | {"parameters": {"timeout": 1}}
    answer = infer(site, body)
    assert (answer.status, site.charges()) == (504, [])
    stored = site.cloud.wiring.clients.s3().list_objects_v2(Bucket="test-results")
    assert stored["KeyCount"] == 0


def test_a_large_answer_that_cannot_be_stored_is_not_charged(site: Site) -> None:
    body = by_uri(upload(site, LARGE.tobytes()), LARGE)
    site.cloud.wiring.clients.s3().delete_bucket(Bucket="test-results")
    answer = infer(site, body)
    assert (answer.status, site.charges()) == (503, [])
    assert answer.headers["retry-after"] == "1"
