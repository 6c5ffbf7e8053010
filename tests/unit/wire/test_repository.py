"""The model repository extension's documents."""

from __future__ import annotations

import pytest

from infermeter.errors import InvalidField, MalformedBody, UnsupportedFeature
from infermeter.registry.catalog import ModelRecord, ModelVersion
from infermeter.wire.repository import (
    decode_index_request,
    decode_load_request,
    decode_unload_request,
    index,
)


def test_every_version_is_listed() -> None:
    versions = {number: ModelVersion("m", number, "d", 1, 0) for number in ("1", "2")}
    assert index([ModelRecord("m", versions, {"prod": "2"})]) == [
        {"name": "m", "version": "1", "state": "READY", "reason": ""},
        {"name": "m", "version": "2", "state": "READY", "reason": ""},
    ]


@pytest.mark.parametrize("body", [b"", b" ", b"{}", b'{"ready":true}'])
def test_an_index_may_be_asked_for_without_a_body(body: bytes) -> None:
    decode_index_request(body)


@pytest.mark.parametrize("body", [b'{"ready":1}', b'{"ready":null}', b'{"ready":[]}'])
def test_ready_is_a_boolean(body: bytes) -> None:
    with pytest.raises(InvalidField, match="Invalid value for 'ready': expected a boolean"):
        decode_index_request(body)


@pytest.mark.parametrize("body", [b"[", b'{"ready":' + b"[" * 250_000])
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        decode_index_request(body)


def test_a_model_cannot_be_sent_along() -> None:
    decode_load_request(b"{}")
    with pytest.raises(UnsupportedFeature, match=r'failed to load: parameters\."file:1'):
        decode_load_request(b'{"parameters":{"file:1/model.onnx":"AAAA"}}')
    with pytest.raises(InvalidField, match='parameters: expected none, got "mine"'):
        decode_load_request(b'{"parameters":{"mine":1}}')


def test_dependents_are_a_flag() -> None:
    decode_unload_request(b'{"parameters":{"unload_dependents":false}}')
    with pytest.raises(InvalidField, match="unload_dependents: expected a boolean, got 1"):
        decode_unload_request(b'{"parameters":{"unload_dependents":1}}')
