"""Jobs as SageMaker lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.trees import make_tree
from training.errors import InvalidJob
from training.job import Job, failure_file, forget_failure, ml_root, write_failure


def test_hyperparameters_are_texts_beside_the_recipe(tmp_path: Path):
    given = {"recipe": "tabular", "epochs": "3", "sagemaker_region": "eu-west-1"}
    job = Job.read(make_tree(tmp_path, given))
    assert (job.recipe, job.overrides, job.data) == ("tabular", {"epochs": "3"}, None)


def test_channel_training_is_the_data(tmp_path: Path):
    job = Job.read(make_tree(tmp_path, {"recipe": "tabular"}, {"training": {}, "code": {}}))
    assert job.data == tmp_path / "input" / "data" / "training"


def test_channel_code_is_not(tmp_path: Path):
    assert Job.read(make_tree(tmp_path, {"recipe": "tabular"}, {"code": {}})).data is None


def test_other_channels_are_refused(tmp_path: Path):
    channels = {"code": {}, "training": {}, "validation": {}, "train": {}}
    message = "inputdataconfig.json: expected .* channel, 'training' .*'train' and 'validation'"
    with pytest.raises(InvalidJob, match=message):
        Job.read(make_tree(tmp_path, {"recipe": "tabular"}, channels))


def test_texts_may_come_as_json(tmp_path: Path):
    given = {"recipe": '"tabular"', "epochs": "3", "optimizer": '"sgd"', "column": '"a" or "b"'}
    job = Job.read(make_tree(tmp_path, given))
    assert job.recipe == "tabular"
    assert job.overrides == {"epochs": "3", "optimizer": "sgd", "column": '"a" or "b"'}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"hyperparameters.json: expected a file in .*config, got none"),
        ("{", r"hyperparameters.json: expected JSON, got"),
        ("[]", r"hyperparameters.json: expected a JSON object, got \[\]"),
        ("{}", r"hyperparameters.json: expected the key 'recipe', got none"),
        ('{"recipe": "tabular", "epochs": 3}', r"expected a text for 'epochs', got 3"),
    ],
)
def test_wrong_configuration_says_the_file(tmp_path: Path, text: str | None, message: str):
    file = make_tree(tmp_path, {}) / "input" / "config" / "hyperparameters.json"
    file.unlink() if text is None else file.write_text(text)
    with pytest.raises(InvalidJob, match=message):
        Job.read(tmp_path)


def test_root_is_sagemakers_unless_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("INFERMETER_ML_ROOT", raising=False)
    assert ml_root() == Path("/opt/ml")
    monkeypatch.setenv("INFERMETER_ML_ROOT", "/elsewhere")
    assert ml_root() == Path("/elsewhere")


def test_failure_is_cut_where_sagemaker_cuts(tmp_path: Path):
    write_failure(tmp_path, "the cause" + "." * 2000)
    text = failure_file(tmp_path).read_text()
    assert text.startswith("the cause")
    assert len(text) == 1024


def test_first_failure_is_the_reason_until_the_next_attempt(tmp_path: Path):
    write_failure(tmp_path, "the cause")
    write_failure(tmp_path, "a consequence")
    assert failure_file(tmp_path).read_text() == "the cause"
    forget_failure(tmp_path)
    forget_failure(tmp_path)
    write_failure(tmp_path, "another")
    assert failure_file(tmp_path).read_text() == "another"
