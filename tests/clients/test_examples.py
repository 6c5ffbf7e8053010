"""The clients in `events/clients`, run as a customer runs them, on a model of each recipe."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.cloud import ROOT
from training.data.bible import FILE as BIBLE
from training.recipe import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.stack import Stack

# Enough to tell that an answer is the model's: what a recipe reaches is for `make train`.
NO_VOICES = NO_BIBLE = "make setup-training was not run"
QUICK = {
    "tabular": {"epochs": "5"},
    "regression": {"epochs": "40"},
    "vision": {"epochs": "6", "blocks": "1,1", "width": "16", "warmup_epochs": "0"},
    "text": {"epochs": "1", "vocabulary": "1000", "width": "8", "heads": "1", "layers": "1"},
    "decoder": {
        "epochs": "1",
        "vocabulary": "300",
        "layers": "1",
        "width": "32",
        "heads": "2",
        "kv_heads": "1",
        "feedforward": "64",
        "batch_size": "64",
        "warmup_epochs": "0.1",
    },
    "speech": {"epochs": "4", "clips_per_voice": "1", "time_channels": "48,48"},
}


@pytest.fixture(scope="module")
def train(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Trains a recipe with the quick settings, whatever comes out, and publishes it."""

    def trained(recipe: str) -> Path:
        folder = tmp_path_factory.mktemp(recipe)
        lower_is_better = load(recipe, {}).gate.metric.startswith("nats")
        settings = QUICK[recipe] | {"threshold": "1000" if lower_is_better else "0"}
        pairs = [f"--set={name}={value}" for name, value in settings.items()]
        stack.run("train", recipe, "--out", str(folder), *pairs)
        stack.run("publish", str(folder), "--name", f"example-{recipe}")
        return folder

    return trained


@pytest.fixture
def ask(stack: Stack, key: dict[str, str]) -> Callable[..., list[str]]:
    """Runs a client; the lines of its answer."""

    def asked(client: str, *arguments: object) -> list[str]:
        done = subprocess.run(
            [sys.executable, ROOT / "events" / "clients" / f"{client}.py", *map(str, arguments)],
            env={**os.environ, "INFERMETER_URL": stack.url, "INFERMETER_KEY": key["key"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return asked


def test_rows_of_a_table_to_classes(train, ask) -> None:
    rows = train("tabular") / "evaluation" / "test.csv"
    labels = [line.rpartition(",")[2] for line in rows.read_text().splitlines()[1:]]
    answers = ask("table", "example-tabular", rows)
    assert answers[0].startswith("row 1: ")
    right = [f": {label} (" in answer for label, answer in zip(labels, answers, strict=True)]
    assert np.mean(right) > 0.85


def test_rows_of_a_table_to_numbers(train, ask) -> None:
    rows = train("regression") / "evaluation" / "test.csv"
    truth = [float(line.rpartition(",")[2]) for line in rows.read_text().splitlines()[1:]]
    answers = [float(line.partition(": ")[2]) for line in ask("table", "example-regression", rows)]
    assert np.corrcoef(truth, answers)[0, 1] > 0.5


def test_pictures_to_classes(train, ask) -> None:
    pictures = sorted((train("vision") / "evaluation" / "pictures").iterdir())
    assert [file.stem for file in pictures] == list("0123456789")
    best = [ask("picture", "example-vision", file)[0] for file in pictures]
    right = [
        answer.startswith(f"{file.stem} (") for file, answer in zip(pictures, best, strict=True)
    ]
    assert np.mean(right) >= 0.7


@pytest.mark.skipif(not BIBLE.exists(), reason=NO_BIBLE)
def test_sentences_to_their_kind_and_to_each_other(train, ask) -> None:
    tokenizer = train("text") / "tokenizer.json"
    sentences = (
        "And the LORD spake unto Moses, saying, Speak unto the children of Israel.",
        "And the LORD spake unto Moses and unto Aaron, saying,",
        "Jesus saith unto him, I am the way, the truth, and the life.",
    )
    first, second, third = ask("sentence", "example-text", tokenizer, *sentences)
    assert "1.00 like the first" in first
    assert first.partition(" ")[0] != third.partition(" ")[0]
    assert first.partition(" ")[0] == second.partition(" ")[0]


@pytest.mark.skipif(not BIBLE.exists(), reason=NO_BIBLE)
def test_a_beginning_to_what_may_follow(train, ask) -> None:
    tokenizer = train("decoder") / "generation" / "tokenizer.json"
    likelihood, *tokens = ask("continuation", "example-decoder", tokenizer, "And the LORD said")
    assert float(likelihood.partition(" nats")[0]) < 0
    assert len(tokens) == 5
    assert likelihood.endswith("a token: 'And the LORD said'")


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason=NO_VOICES)
def test_a_wav_file_to_a_word(train, ask, tmp_path: Path) -> None:
    train("speech")
    right = 0
    for word in ("zero", "three", "seven"):
        clip = tmp_path / f"{word}.wav"
        subprocess.run(["espeak-ng", "-v", "en-us", "-w", clip, word], check=True)
        right += ask("sound", "example-speech", clip)[0].startswith(f"{word} (")
    assert right >= 2
