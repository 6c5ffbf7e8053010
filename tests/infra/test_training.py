from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from infra.constructs.code import ROOT
from infra.constructs.training_job import METRICS, capacity
from infra.settings import load
from tests.infra.templates import text
from training.objectives import Classification, Regression, Tokens
from training.tasks import METRICS as FIGURES

if TYPE_CHECKING:
    from tests.infra.templates import Assembly

# The families of SageMaker training instances that have an NVIDIA GPU.
GPU = r"ml\.(g\d+[a-z]*|p\d+[a-z]*)\.\d*xlarge"

TRAINING_BUCKET = "ExportsOutputRefTrainingBucket"


@pytest.fixture
def job(assembly: Assembly) -> dict[str, Any]:
    """The request for the training job."""
    return assembly.states()["Train"]["Parameters"]


def test_the_state_machine_waits_for_a_sagemaker_training_job(assembly: Assembly) -> None:
    resource = assembly.states()["Train"]["Resource"]
    assert resource == "arn:{AWS::Partition}:states:::sagemaker:createTrainingJob.sync"


def test_the_training_job_is_on_a_gpu_instance_by_default(job: dict[str, Any]) -> None:
    assert re.fullmatch(GPU, job["ResourceConfig"]["InstanceType"])
    assert job["ResourceConfig"]["InstanceCount"] == 1
    assert "-cu" in job["AlgorithmSpecification"]["TrainingImage"]


def test_its_onnx_output_goes_to_s3_as_it_is(job: dict[str, Any]) -> None:
    output = job["OutputDataConfig"]
    assert re.fullmatch(rf"s3://{{.*{TRAINING_BUCKET}.*}}/jobs/", output["S3OutputPath"])
    assert output["CompressionType"] == "NONE"


def test_the_artifact_is_the_jobs_own_folder(assembly: Assembly) -> None:
    artifact = assembly.states()["Train"]["ResultSelector"]["artifact.$"]
    assert artifact.endswith("/jobs/{}/output/model/', $.TrainingJobName)")
    assert TRAINING_BUCKET in artifact


def test_the_job_runs_the_code_that_it_is_given(assembly: Assembly, job: dict[str, Any]) -> None:
    code = assembly.asset("__main__.py").name.removeprefix("asset.")
    entry = job["AlgorithmSpecification"]["ContainerEntrypoint"]
    assert entry == ["python", f"/opt/ml/input/data/code/{code}.zip"]
    channels = {each["ChannelName"]: each["DataSource"] for each in job["InputDataConfig"]}
    assert channels["code"]["S3DataSource"]["S3Uri"].endswith(f"/{code}.zip")
    assert channels["training"]["S3DataSource"]["S3Uri.$"] == "$.data"


def test_the_code_brings_what_the_image_lacks(assembly: Assembly) -> None:
    code = assembly.asset("__main__.py")
    for path in ("training/train.py", "infermeter/manifest.py", "packages/onnxscript/__init__.py"):
        assert (code / path).is_file()


def test_no_hyperparameter_takes_the_recipes_place(job: dict[str, Any]) -> None:
    assert job["HyperParameters.$"] == "States.JsonMerge($.hyperparameters, $.chosen, false)"


def test_metrics_are_read_from_the_trainers_lines(job: dict[str, Any]) -> None:
    line = "epoch=3 step=120 train_loss=0.4321 val_loss=0.5 val_accuracy=0.9812 lr=1.0e-03"
    definitions = {
        each["Name"]: each["Regex"] for each in job["AlgorithmSpecification"]["MetricDefinitions"]
    }
    found = {name: re.findall(regex, line) for name, regex in definitions.items()}
    assert found["train_loss"] == ["0.4321"]
    assert found["lr"] == ["1.0e-03"]
    assert found["test_loss"] == []


def test_every_figure_that_the_trainer_prints_is_a_metric() -> None:
    measures = {each.measure_name for each in (Classification, Regression, Tokens)}
    tests = {f"test_{name}" for names in FIGURES.values() for name in names}
    baselines = {f"baseline_{names[0]}" for names in FIGURES.values()}
    assert {f"val_{name}" for name in measures} | tests | baselines <= set(METRICS)
    # As many as SageMaker takes.
    assert len(METRICS) == len(set(METRICS)) <= 40


def test_checkpoints_are_the_executions_own(job: dict[str, Any]) -> None:
    place = job["CheckpointConfig"]["S3Uri.$"]
    assert re.fullmatch(
        rf"States.Format\('s3://{{.*{TRAINING_BUCKET}.*}}/checkpoints/infermeter-{{}}/',"
        r" \$\$.Execution.Name\)",
        place,
    )
    # Where the trainer leaves them, which is where SageMaker looks unless it is told otherwise.
    assert job["CheckpointConfig"].keys() == {"S3Uri.$"}


def test_sagemaker_begins_again_after_a_fault_of_its_own(job: dict[str, Any]) -> None:
    assert job["RetryStrategy"]["MaximumRetryAttempts"] >= 1


def test_capacity_on_demand_by_default(job: dict[str, Any]) -> None:
    assert job["EnableManagedSpotTraining"] is False
    assert job["StoppingCondition"].keys() == {"MaxRuntimeInSeconds"}


@pytest.mark.parametrize("wait_s", [0, 600])
def test_spot_capacity_is_waited_for_beyond_the_runtime(wait_s: int) -> None:
    settings = load(ROOT / "infra" / "settings.toml").training
    spot = capacity(replace(settings, spot=True, spot_wait_s=wait_s, max_runtime_s=3600))
    assert spot["EnableManagedSpotTraining"] is True
    assert spot["StoppingCondition"] == {
        "MaxRuntimeInSeconds": 3600,
        "MaxWaitTimeInSeconds": 3600 + wait_s,
    }


def test_a_passed_model_is_published_and_promoted(assembly: Assembly) -> None:
    states = assembly.states()
    path = ["Train"]
    while "Next" in states[path[-1]]:
        path.append(states[path[-1]]["Next"])
    assert path == ["Train", "Gate", "Passed?"]
    (choice,) = states["Passed?"]["Choices"]
    assert (choice["Variable"], choice["BooleanEquals"]) == ("$.gate.passed", True)
    assert choice["Next"] == "Publish"
    assert states["Publish"]["Next"] == "Promote"
    assert states["Promote"]["Next"] == "Served"


def test_another_model_fails_with_its_figures(assembly: Assembly) -> None:
    states = assembly.states()
    refused = states[states["Passed?"]["Default"]]
    assert refused["Error"] == "GateFailed"
    for figure in ("metric", "value", "threshold", "reason"):
        assert f"$.gate.{figure}" in refused["CausePath"]


@pytest.mark.parametrize("name", ["Train", "Gate", "Publish", "Promote"])
def test_every_error_ends_the_execution_with_its_cause(assembly: Assembly, name: str) -> None:
    states = assembly.states()
    (catcher,) = states[name]["Catch"]
    assert catcher["ErrorEquals"] == ["States.ALL"]
    assert states[catcher["Next"]]["CausePath"] == "$.error.Cause"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Gate", {"action", "artifact.$"}),
        ("Publish", {"action", "artifact.$", "name.$", "lineage"}),
        ("Promote", {"action", "model.$", "version.$", "alias.$"}),
    ],
)
def test_the_publish_function_is_asked_by_action(
    assembly: Assembly, name: str, fields: set[str]
) -> None:
    state = assembly.states()[name]
    assert state["Parameters"].keys() == fields
    assert state["Parameters"]["action"] == name.lower()
    assert "Lambda.TooManyRequestsException" in state["Retry"][1]["ErrorEquals"]


def test_the_publish_function_knows_its_resources(assembly: Assembly) -> None:
    function = assembly.properties("training", "AWS::Lambda::Function")
    given = {
        name: text(value)
        for name, value in function["Environment"]["Variables"].items()
        if name.startswith("INFERMETER_")
    }
    assert "ModelsBucket" in given["INFERMETER_MODELS_BUCKET"]
    assert "RegistryTable" in given["INFERMETER_REGISTRY_TABLE"]
    assert "TrainingBucket" in given["INFERMETER_TRAINING_BUCKET"]
