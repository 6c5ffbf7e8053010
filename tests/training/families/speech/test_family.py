"""From WAV files to a file that takes samples."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from infermeter.manifest import Manifest
from tests.training.data.speech.tones import RATE, WORDS, clip, clips, tone, write_clips
from training.data.speech.clips import Clips
from training.data.speech.dataset import prepare
from training.data.speech.sound import decode
from training.errors import InvalidSetting
from training.export import OnnxFile
from training.families.speech.baseline import COEFFICIENTS, coefficients
from training.families.speech.family import Speech
from training.job import Job
from training.pipeline import run_job
from training.recipe import load

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {
    "source": "clips",
    "sample_rate": f"{RATE}",
    "seconds": "0.3",
    "mel_bands": "16",
    "spectrum_channels": "4",
    "time_channels": "8,8",
    "batch_size": "16",
    "epochs": "4",
    "learning_rate": "0.01",
    "speed_range": "1.05",
    "shift_seconds": "0.05",
    "masked_seconds": "0.02",
}
LENGTH = round(0.3 * RATE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a job leaves that trains on twenty speakers' high and low tones."""
    root = tmp_path_factory.mktemp("speech")
    write_clips(clips([f"s{number}" for number in range(20)], each=3), root / "channel")
    run_job(Job(root, "speech", {}, root / "channel"), load("speech", SMALL), lambda: False)
    return root / "model"


@pytest.fixture(scope="module")
def manifest(folder: Path) -> Manifest:
    return Manifest.from_json((folder / "manifest.json").read_bytes())


@pytest.fixture(scope="module")
def answer(folder: Path):
    """Probabilities of clips, float32 [rows, samples]."""
    written = OnnxFile(folder / "model.onnx")
    return lambda audio: written.run({"audio": audio.astype(np.float32)})["probabilities"]


def test_it_learns_which_tone_is_which(manifest: Manifest):
    assert manifest.metrics["test"]["accuracy"] >= 0.9
    assert manifest.metrics["test"]["rows"] == 24
    assert manifest.metrics["test"]["baseline_accuracy"] >= 0.9
    assert manifest.lineage["data"]["rows"]["speakers"] == 20


def test_manifest_says_what_goes_in(manifest: Manifest):
    (audio,), (probabilities,) = manifest.signature.inputs, manifest.signature.outputs
    assert (audio.name, audio.datatype.name, audio.shape) == ("audio", "FP32", (-1, -1))
    assert (probabilities.shape, probabilities.labels) == ((-1, 2), ("high", "low"))
    assert manifest.preprocessing.startswith("audio is mono, 4000 Hz, float32 in [-1, 1]")
    assert len(json.dumps([golden.inputs for golden in manifest.golden])) < 20_000
    shapes = [np.shape(golden.inputs["audio"]) for golden in manifest.golden]
    assert shapes == [(1, 1000), (3, 400)]
    assert all(np.abs(golden.inputs["audio"]).max() > 0.1 for golden in manifest.golden)


def test_report_names_the_baseline_and_the_data_is_counted(folder: Path):
    report, data = (
        json.loads((folder / "evaluation" / name).read_bytes())
        for name in ("report.json", "data.json")
    )
    assert report["baseline"]["model"].startswith("logistic regression over the mean and")
    assert (data["read"], data["balance"]) == (120, {"high": 60, "low": 60})


@pytest.mark.parametrize("length", [1, 200, LENGTH, LENGTH + 1, 3 * LENGTH])
def test_a_clip_of_any_length_is_answered(answer, length: int):
    found = answer(np.stack([np.resize(tone(hertz, 0.25), length) for hertz in (1200, 300)]))
    assert found.shape == (2, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    if length >= 200:
        assert found.argmax(axis=1).tolist() == [0, 1]


@pytest.mark.parametrize(("before", "behind"), [(0, 500), (0, 9 * LENGTH), (LENGTH, 0), (777, 77)])
def test_silence_around_a_clip_changes_nothing(answer, before: int, behind: int):
    short = tone(300, 0.1)[None]
    padded = np.pad(short, ((0, 0), (before, behind)))
    np.testing.assert_allclose(answer(padded), answer(short), atol=1e-6)


def test_silence_has_an_answer(answer):
    found = answer(np.zeros((1, LENGTH)))
    np.testing.assert_allclose(found.sum(), 1, rtol=1e-5)


def test_a_test_clip_of_each_word_is_left(folder: Path, answer):
    for label, word in enumerate(WORDS):
        samples = decode((folder / "evaluation" / "clips" / f"{word}.wav").read_bytes(), word, RATE)
        assert len(samples) == LENGTH
        assert answer(samples[None] / 32768).argmax() == label


def test_rows_do_not_see_each_other(answer):
    generator = np.random.default_rng(0)
    loud, quiet, silent = tone(300, 0.3), tone(1200, 0.3) * 1e-3, np.zeros(LENGTH)
    noise = generator.standard_normal((4, LENGTH))
    alone = np.concatenate([answer(row[None]) for row in (loud, quiet, silent)])
    together = answer(np.stack([loud, quiet, silent, *noise]))[:3]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_quantization_leaves_the_spectrum_alone():
    family = Speech(load("speech", SMALL))
    dataset = prepare(family.recipe, clips([f"s{number}" for number in range(5)]), "here")
    served = family.served(family.network(dataset).eval(), dataset)
    spectrum = dict(served.module.named_modules())[served.in_float[0]]
    assert type(spectrum).__name__ == "LogMel"


def test_each_word_against_the_rest():
    recipe = load("speech", {**SMALL, "loss": "binary_crossentropy", "label_smoothing": "0"})
    family = Speech(recipe)
    dataset = prepare(recipe, clips([f"s{number}" for number in range(5)]), "here")
    network = family.network(dataset).eval()
    samples = torch.from_numpy(family.inputs(dataset.test, np.arange(2))["audio"])
    with torch.no_grad():
        chances = torch.sigmoid(network(samples))
        found = family.served(network, dataset).module(samples)
    torch.testing.assert_close(found, chances / chances.sum(dim=1, keepdim=True))


def test_unseen_synthesizer_is_judged_by_model_and_baseline():
    family = Speech(load("speech", SMALL))
    robot = Clips.of([clip(word, "robot", number) for word in WORDS for number in range(3)])
    dataset = prepare(family.recipe, clips([f"s{number}" for number in range(8)]), "here", robot)
    evaluations = family.baseline(dataset).evaluations
    assert list(evaluations) == ["train", "validation", "test", "unseen_synthesizer"]
    assert evaluations["unseen_synthesizer"].rows == 6


def test_noise_that_begins_above_its_end_is_refused():
    recipe = load("speech", {**SMALL, "noise_db_low": "50"})
    with pytest.raises(InvalidSetting, match="'noise_db_low': expected at most noise_db_high, 40"):
        Speech(recipe).read(None)


def test_coefficients_are_the_cosine_transform_of_the_spectrum():
    recipe = load("speech", {**SMALL, "mel_bands": "24"})
    dataset = prepare(recipe, clips([f"s{number}" for number in range(5)]), "here")
    family = Speech(recipe)
    rows = dataset.train
    found = coefficients(recipe, rows, np.arange(3))
    assert found.shape == (3, 2 * COEFFICIENTS)
    network = family.network(dataset)
    spectrum = network.spectrum(torch.from_numpy(rows.take(np.arange(3))[0])).numpy()
    # The first coefficient is the sum over the bands, divided by the root of their number.
    np.testing.assert_allclose(found[:, 0], spectrum.sum(axis=1).mean(axis=1) / 24**0.5, rtol=1e-5)
    halves = np.cos(np.pi * (np.arange(24) + 0.5) / 24) * (2 / 24) ** 0.5
    second = np.einsum("rbt,b->rt", spectrum, halves)
    np.testing.assert_allclose(found[:, 1], second.mean(axis=1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[:, COEFFICIENTS + 1], second.std(axis=1), rtol=1e-3, atol=1e-6)
