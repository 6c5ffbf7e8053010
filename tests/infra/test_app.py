from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.templates import STACKS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.templates import Assembly

OUTPUTS = {
    "storage": {
        "LedgerTable",
        "ControlTable",
        "RegistryTable",
        "StatisticsTable",
        "LimitsTable",
        "UsageTable",
        "SpoolQueueUrl",
        "ArchiveBucket",
        "ModelsBucket",
        "ResultsBucket",
        "InputsBucket",
        "TrainingBucket",
        "PepperSecret",
        "ExportSecret",
    },
    "serving": {
        "ApiUrl",
        "BatchQueueUrl",
        "DeadLetterQueueUrl",
        "InferFunction",
        "BatchFunction",
        "UsageFunction",
        "AccessLog",
        "InferLog",
    },
    "metering": {
        "SpoolFunction",
        "ArchiveFunction",
        "FoldFunction",
        "ExportFunction",
        "ReconcileFunction",
        "StreamFailuresUrl",
    },
    "training": {"PublishFunction", "StateMachine"},
}

# Properties that fix a resource's identity: two deployments of one name would collide.
PHYSICAL_NAMES = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_two_syntheses_are_identical_to_the_byte(assemblies: tuple[Assembly, Assembly]) -> None:
    first, second = (content(assembly.folder) for assembly in assemblies)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_nothing_compiled_is_in_the_assets_of_our_own_code(assembly: Assembly) -> None:
    compiled = {
        path.relative_to(assembly.folder).parts[0]
        for pattern in ("asset.*/**/__pycache__", "asset.*/**/*.pyc")
        for path in assembly.folder.glob(pattern)
    }
    assert compiled == {assembly.asset("python/onnxruntime/__init__.py").name}


@pytest.mark.parametrize("stack", STACKS)
def test_the_outputs_are_those_the_command_looks_for(assembly: Assembly, stack: str) -> None:
    every = assembly.templates[stack]["Outputs"]
    given = {name for name in every if not name.startswith("ExportsOutput")}
    assert given == OUTPUTS[stack]


@pytest.mark.parametrize(("kind", "name"), PHYSICAL_NAMES.items())
def test_no_resource_has_a_physical_name(assembly: Assembly, kind: str, name: str) -> None:
    for stack in STACKS:
        for resource in assembly.resources(stack, kind).values():
            assert name not in resource.get("Properties", {})


@pytest.mark.parametrize("stack", STACKS)
def test_there_are_no_custom_resources(assembly: Assembly, stack: str) -> None:
    kinds = {each["Type"] for each in assembly.templates[stack]["Resources"].values()}
    assert not [kind for kind in kinds if "Custom" in kind]


@pytest.mark.parametrize("stack", STACKS)
def test_every_log_group_forgets(assembly: Assembly, stack: str) -> None:
    for group in assembly.resources(stack, "AWS::Logs::LogGroup").values():
        assert group["Properties"]["RetentionInDays"] == 30
