"""From a CSV file of texts to a file that takes tokens."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from infermeter.embedding import batch_tokens, vectors
from infermeter.manifest import Manifest
from tests.training.data.texts.weather import write_weather
from training.errors import InvalidSetting
from training.export import OnnxFile
from training.families.text.baseline import fit_baseline
from training.families.text.family import Text
from training.families.text.neighbours import neighbour_accuracy
from training.job import Job
from training.pipeline import run_job
from training.recipe import load

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {
    "source": "texts",
    "vocabulary": "300",
    "max_tokens": "64",
    "masked_share": "0.1",
    "test_fraction": "0.2",
    "width": "16",
    "heads": "2",
    "pairs": "512",
    "batch_size": "16",
    "epochs": "12",
    "learning_rate": "0.02",
    "threshold": "0.8",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a job leaves that trains on texts told apart by the order of their words alone."""
    root = tmp_path_factory.mktemp("text")
    (root / "channel").mkdir()
    write_weather(root / "channel", 200)
    run_job(Job(root, "text", {}, root / "channel"), load("text", SMALL), lambda: False)
    return root / "model"


@pytest.fixture(scope="module")
def manifest(folder: Path) -> Manifest:
    return Manifest.from_json((folder / "manifest.json").read_bytes())


@pytest.fixture(scope="module")
def answer(folder: Path, manifest: Manifest) -> Any:
    """All outputs for texts, as the service makes tensors of them."""
    written = OnnxFile(folder / "model.onnx")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def run(*texts: str) -> dict[str, np.ndarray]:
        ids = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
        assert manifest.embedding is not None
        batch = batch_tokens(manifest.embedding, manifest.signature, ids)
        answers = written.run({tensor.name: tensor.array for tensor in batch.tensors})
        served = vectors(batch, answers[manifest.embedding.output])
        np.testing.assert_allclose(served, answers["sentence_embedding"], atol=1e-6)
        return answers

    return run


def test_it_learns_the_order_of_words(manifest: Manifest) -> None:
    metrics = manifest.metrics["test"]
    assert metrics["rows"] == 40
    assert metrics["accuracy"] >= 0.9
    assert metrics["baseline_accuracy"] >= 0.8
    assert manifest.lineage["data"]["rows"]["duplicates"] == 200


def test_manifest_says_what_goes_in_and_comes_out(manifest: Manifest) -> None:
    ids, mask = manifest.signature.inputs
    probabilities, vector = manifest.signature.outputs
    for spec, name in ((ids, "input_ids"), (mask, "attention_mask")):
        assert (spec.name, spec.datatype.name, spec.shape) == (name, "INT64", (-1, -1))
    assert (probabilities.shape, probabilities.labels) == ((-1, 2), ("dry", "wet"))
    assert (vector.name, vector.datatype.name, vector.shape) == (
        "sentence_embedding",
        "FP32",
        (-1, 16),
    )
    assert manifest.embedding is not None
    assert manifest.embedding.document() == {
        "output": "sentence_embedding",
        "input": "input_ids",
        "mask": "attention_mask",
        "types": None,
        "tokenizer": "tokenizer.json",
        "pooling": "none",
        "normalize": True,
        "max_tokens": 64,
        "pad_id": 0,
    }
    assert {"model.onnx", "tokenizer.json"} <= {file.path for file in manifest.files}


def test_attention_is_one_operator(manifest: Manifest) -> None:
    export = manifest.lineage["export"]
    assert export["opset"] == 23
    assert [*export["operators"]].count("Attention") == 2
    assert {*export["largest_difference_by_batch"]} == {"1", "7", "64"}


def test_golden_rows_are_short_and_some_padded(manifest: Manifest) -> None:
    assert len(json.dumps([golden.inputs for golden in manifest.golden])) < 5_000
    masks = [np.array(golden.inputs["attention_mask"]) for golden in manifest.golden]
    assert [mask.shape[0] for mask in masks] == [1, 7]
    assert masks[1][0].all()
    assert not masks[1][1].all()


def test_a_text_gets_its_class_whatever_stands_beside_it(answer: Any) -> None:
    texts = ("sun then rain", "rain then sun", "a hill, a lake and a bird; rain then sun " * 3)
    together = answer(*texts)

    assert together["probabilities"].argmax(axis=1).tolist()[:2] == [0, 1]
    for row, text in enumerate(texts):
        for name, values in answer(text).items():
            np.testing.assert_allclose(values[0], together[name][row], atol=1e-5)


def test_the_test_split_is_left_as_a_channel_has_it(folder: Path, answer: Any) -> None:
    rows = list(csv.DictReader((folder / "evaluation" / "test.csv").read_text().splitlines()))
    found = answer(*(row["text"] for row in rows))["probabilities"].argmax(axis=1)

    report = json.loads((folder / "evaluation" / "report.json").read_bytes())
    right = np.mean([("dry", "wet")[i] == row["label"] for i, row in zip(found, rows, strict=True)])
    assert right == pytest.approx(report["splits"]["test"]["accuracy"])
    assert report["baseline"]["model"].startswith("TF-IDF of words and pairs")


def test_neighbours_are_counted(folder: Path) -> None:
    found = json.loads((folder / "evaluation" / "neighbours.json").read_bytes())
    assert (found["training_texts"], found["test_texts"]) == (140, 40)
    shares = found["nearest_has_the_class"]
    assert shares["sentence_embedding"] > 0.7
    assert 0 <= shares["tf_idf"] <= 1


def test_the_nearest_of_known_vectors_is_taken() -> None:
    known, asked = np.eye(3), np.array([[0.9, 0.1, 0], [0, 0.2, 0.8], [0.1, 0.9, 0]])

    share = neighbour_accuracy(known, np.array([0, 1, 1]), asked, np.array([0, 1, 0]))

    assert share == pytest.approx(2 / 3)


def test_equal_jobs_give_equal_networks(tmp_path: Path) -> None:
    write_weather(tmp_path)
    family = Text(load("text", SMALL))
    one, other = (
        family.stages(network, dataset)[0] for network, dataset in _pairs(family, tmp_path)
    )

    assert one.order is not None
    assert other.order is not None
    orders = [stage.order(np.random.default_rng(3), 16) for stage in (one, other)]
    np.testing.assert_array_equal(*orders)
    np.testing.assert_array_equal(*(stage.train.take(orders[0])[0] for stage in (one, other)))


def _pairs(family: Text, channel: Path) -> Any:
    for _ in range(2):
        dataset = family.read(channel)
        yield family.network(dataset), dataset


def test_the_baseline_chooses_on_validation(tmp_path: Path) -> None:
    write_weather(tmp_path)
    dataset = Text(load("text", SMALL)).read(tmp_path)

    fitted = fit_baseline(dataset)

    assert fitted.model.endswith(("C 10 chosen on validation", "C 30 chosen on validation"))
    found = fitted.answer(["sun then rain", "rain then sun"])
    assert found.argmax(axis=1).tolist() == [0, 1]
    norms = np.sqrt(fitted.vectors(["sun then rain"]).power(2).sum())
    assert norms == pytest.approx(1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": "20", "heads": "4"}, "'width': expected a number that 2 x 4 heads divide"),
        ({"source": "bible", "classes": "a,b"}, "'classes': expected none with the source bible"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidSetting, match=message):
        Text(load("text", {**SMALL, **changes})).read(None)


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "binary_crossentropy"])
def test_what_is_served_is_what_the_loss_taught(tmp_path: Path, loss: str):
    write_weather(tmp_path, 40)
    family = Text(load("text", {**SMALL, "loss": loss, "label_smoothing": "0"}))
    dataset = family.read(tmp_path)
    served = family.served(family.network(dataset), dataset)
    assert served.module.against_the_rest == (loss == "binary_crossentropy")
