"""The manifest: canonical, and believed only as far as it is well formed."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import InvalidManifest
from infermeter.manifest import Gate, Golden, Manifest, check_model_name
from tests.models import linear_manifest
from tests.strategies import json_values

GOOD: dict[str, Any] = orjson.loads(linear_manifest().to_json())


def parse(**changes: object) -> Manifest:
    return Manifest.from_json(orjson.dumps(GOOD | changes))


def spec(**changes: object) -> dict:
    return {"name": "x", "datatype": "FP32", "shape": [-1, 3]} | changes


def file(**changes: object) -> dict:
    return {"path": "model.onnx", "size": 1, "sha256": "0" * 64} | changes


def test_a_manifest_reads_back() -> None:
    manifest = linear_manifest()
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_a_manifest_with_everything_reads_back() -> None:
    manifest = parse(
        gate={"metric": "loss", "threshold": 1, "split": "test", "direction": "at_most"},
        metrics={"test": {"loss": 0.5, "broken": None}},
        outputs=[spec(name="y", labels=["a", "b", "c"])],
        lineage={"job": {"nested": [1, None, True]}},
        golden=[{"inputs": {"x": [[1]]}, "outputs": {"y": [[1]]}, "tolerance": 0.5}],
        card={"purpose": "to add", "evaluation": {"accuracy": [0.5, None]}},
    )
    assert manifest.gate == Gate("loss", 1.0, "test", "at_most")
    assert manifest.golden == (Golden({"x": [[1]]}, {"y": [[1]]}, 0.5),)
    assert manifest.card["purpose"] == "to add"
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_order_and_spacing_do_not_change_the_digest() -> None:
    shuffled = orjson.dumps(dict(reversed(GOOD.items())))
    assert Manifest.from_json(shuffled).digest() == linear_manifest().digest()


def test_no_card_leaves_no_trace() -> None:
    assert b"card" not in linear_manifest().to_json()
    assert parse(card={}).digest() == linear_manifest().digest()
    assert parse(card={"purpose": "to add"}).digest() != linear_manifest().digest()


def test_another_file_changes_the_digest() -> None:
    assert parse(files=[file()]).digest() != linear_manifest().digest()


def test_a_metric_that_is_not_a_number_becomes_null() -> None:
    manifest = Manifest.from_json(
        Manifest(
            "m",
            *(getattr(linear_manifest(), n) for n in ("signature", "files")),
            metrics={"test": {"loss": math.nan}},
        ).to_json()
    )
    assert manifest.metrics == {"test": {"loss": None}}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"schema": 2}, "schema"),
        ({"schema": True}, "schema"),
        ({"schema": "1"}, "schema"),
        ({"name": 5}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "stats"}, "name"),
        ({"name": ".."}, "name"),
        ({"inputs": None}, "inputs"),
        ({"inputs": []}, "inputs"),
        ({"inputs": [5]}, r"inputs\[0\]."),
        ({"inputs": [spec(shape=[-2])]}, r"inputs\[0\].shape"),
        ({"inputs": [spec(shape=[True])]}, r"inputs\[0\].shape"),
        ({"inputs": [spec(datatype="FP31")]}, r"inputs\[0\].datatype"),
        ({"inputs": [spec(), spec()]}, "inputs"),
        ({"outputs": [spec(labels=[1])]}, r"outputs\[0\].labels"),
        ({"batch_axis": 2}, "batch_axis"),
        ({"batch_axis": -1}, "batch_axis"),
        ({"batch_axis": True}, "batch_axis"),
        ({"unit": "token"}, "unit"),
        ({"files": []}, "files"),
        ({"files": [file(path="other.onnx")]}, "files"),
        ({"files": [file(), file()]}, "files"),
        ({"files": [file(), file(path="manifest.json")]}, "files"),
        ({"files": [file(), file(path="/etc/passwd")]}, r"files\[1\].path"),
        ({"files": [file(), file(path="a/../../b")]}, r"files\[1\].path"),
        ({"files": [file(), file(path="")]}, r"files\[1\].path"),
        ({"files": [file(sha256="0" * 63)]}, r"files\[0\].sha256"),
        ({"files": [file(size=-1)]}, r"files\[0\].size"),
        ({"files": [file(size=True)]}, r"files\[0\].size"),
        ({"gate": {"metric": "a"}}, "gate.threshold"),
        ({"gate": {"metric": "a", "threshold": True}}, "gate.threshold"),
        ({"gate": {"metric": "a", "threshold": 1, "direction": "up"}}, "gate.direction"),
        ({"metrics": {"test": 0.9}}, "metrics.test."),
        ({"metrics": {"test": {"accuracy": "high"}}}, "metrics.test.accuracy"),
        ({"card": "a text"}, "card"),
        ({"card": None}, "card"),
        ({"golden": [{"inputs": {}}]}, r"golden\[0\].outputs"),
        ({"golden": [{"inputs": {}, "outputs": {}, "tolerance": "a"}]}, "tolerance"),
    ],
)
def test_what_is_wrong_is_named(changes: dict, field: str) -> None:
    with pytest.raises(InvalidManifest, match=field):
        parse(**changes)


@pytest.mark.parametrize("raw", [b"", b"[]", b"\xff", b"[" * 2000, b"[" * 1000 + b"]" * 1000])
def test_what_is_no_manifest_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidManifest):
        Manifest.from_json(raw)


@given(st.dictionaries(st.sampled_from([*GOOD]), json_values, min_size=1, max_size=3))
def test_a_damaged_manifest_is_one_or_an_error_of_the_domain(damage: dict) -> None:
    try:
        manifest = parse(**damage)
    except InvalidManifest:
        return
    assert Manifest.from_json(manifest.to_json()) == manifest


@given(json_values)
def test_any_json_is_refused(value: object) -> None:
    with pytest.raises(InvalidManifest):
        Manifest.from_json(orjson.dumps(value))


@given(st.binary(max_size=40))
def test_any_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidManifest):
        Manifest.from_json(raw)


@pytest.mark.parametrize("name", ["a", "A.b_c-9", "x" * 64])
def test_a_plain_name_is_accepted(name: str) -> None:
    assert check_model_name(name) == name


def test_more_lineage_is_added_to_what_was_said() -> None:
    manifest = linear_manifest().with_lineage({"job": "1"}).with_lineage({"execution": "2"})
    assert manifest.lineage == {"job": "1", "execution": "2"}


def test_lineage_too_deep_to_write_is_refused() -> None:
    deep = b'{"a":' * 300 + b"1" + b"}" * 300
    raw = orjson.dumps(GOOD | {"lineage": orjson.Fragment(deep)})
    with pytest.raises(InvalidManifest, match="plain JSON"):
        Manifest.from_json(raw).digest()
