"""A training job as SageMaker lays it out below one folder, `/opt/ml` in its containers."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import InvalidJob

if TYPE_CHECKING:
    from collections.abc import Mapping

ML_ROOT = "INFERMETER_ML_ROOT"
REPORT_FILE = "evaluation/report.json"
CARD_FILE = "model_card.md"
# SageMaker cuts the reason of a failure here.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
FAILURE_LENGTH = 1024
DATA, CODE = "training", "code"


def ml_root() -> Path:
    """`/opt/ml`, or the folder that the environment names instead."""
    return Path(os.environ.get(ML_ROOT, "/opt/ml"))


def model_folder(root: Path) -> Path:
    """What lies here when the job ends is its result."""
    return root / "model"


def checkpoint_folder(root: Path) -> Path:
    """Kept over interruptions."""
    return root / "checkpoints"


def failure_file(root: Path) -> Path:
    """Its text is the job's `FailureReason`."""
    return root / "output" / "failure"


def write_failure(root: Path, reason: str) -> None:
    """Leave the reason, cause first, at most `FAILURE_LENGTH` characters of it.

    The first of several processes is right: the others fail because it did.
    """
    file = failure_file(root)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(reason[:FAILURE_LENGTH])
    except FileExistsError:
        return


def forget_failure(root: Path) -> None:
    """That of an earlier attempt."""
    failure_file(root).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Job:
    """What the configuration folder asks for: a recipe, settings over it, and perhaps data."""

    root: Path
    recipe: str
    overrides: Mapping[str, str]
    data: Path | None

    @classmethod
    def read(cls, root: Path) -> Job:
        """Raises InvalidJob naming the file, what was expected and what came."""
        config = root / "input" / "config"
        given = _texts(config / "hyperparameters.json")
        recipe = given.pop("recipe", None)
        if recipe is None:
            raise InvalidJob(
                config / "hyperparameters.json", expected="the key 'recipe'", got="none"
            )
        # The SageMaker SDK adds keys of its own, all with this prefix.
        overrides = {key: text for key, text in given.items() if not key.startswith("sagemaker_")}
        channels = _document(config / "inputdataconfig.json", missing="{}")
        if others := sorted(channels.keys() - {DATA, CODE}):
            raise InvalidJob(
                config / "inputdataconfig.json",
                expected=f"all data in one channel, '{DATA}' (and the trainer in '{CODE}')",
                got=f"a channel {' and '.join(map(repr, others))}",
            )
        data = root / "input" / "data" / DATA if DATA in channels else None
        return cls(root, recipe, overrides, data)


def _texts(file: Path) -> dict[str, str]:
    document = _document(file)
    for key, value in document.items():
        if not isinstance(value, str):
            raise InvalidJob(file, expected=f"a text for '{key}'", got=repr(value))
    return {key: _plain(str(value)) for key, value in document.items()}


def _plain(text: str) -> str:
    """Without the quotes that the SageMaker SDK's framework estimators put around a text: they
    send every value as JSON."""
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text))
    except ValueError:
        return text


def _document(file: Path, missing: str | None = None) -> dict[str, object]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if missing is None:
            raise InvalidJob(file, expected=f"a file in {file.parent}", got="none") from None
        document = json.loads(missing)
    except ValueError as error:
        raise InvalidJob(file, expected="JSON", got=str(error)) from None
    if not isinstance(document, dict):
        raise InvalidJob(file, expected="a JSON object", got=repr(document))
    return document
