from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.templates import STACKS, text

if TYPE_CHECKING:
    from tests.infra.templates import Assembly

# Actions that may be allowed on every resource, and why.
ON_EVERYTHING = {
    "cloudwatch:PutMetricData": "knows no resource; the condition names the namespace",
    "ecr:GetAuthorizationToken": "knows no resource; what it opens is allowed by repository",
}

# Managed policies that may be attached, and why.
MANAGED = {"AmazonAPIGatewayPushToCloudWatchLogs": "what API Gateway checks its account role for"}

LEDGER = "LedgerTable"


def rights(assembly: Assembly, role: str, on: str) -> set[str]:
    """The actions that a role may do on the resources in whose ARN this text is."""
    return {
        action
        for _, actions, resources in assembly.statements(role)
        for action in actions
        if any(on in resource for resource in resources)
    }


def test_no_action_is_allowed_on_everything_without_a_reason(assembly: Assembly) -> None:
    everywhere = {
        action
        for _, actions, resources in assembly.statements()
        for action in actions
        if "*" in resources
    }
    assert everywhere == ON_EVERYTHING.keys()


def test_actions_are_named_one_by_one(assembly: Assembly) -> None:
    named = [action for _, actions, _ in assembly.statements() for action in actions]
    assert [action for action in named if "*" in action] == []


def test_no_other_managed_policy_is_attached(assembly: Assembly) -> None:
    attached = {
        text(arn).rpartition("/")[2]
        for stack in STACKS
        for role in assembly.resources(stack, "AWS::IAM::Role").values()
        for arn in role["Properties"].get("ManagedPolicyArns", [])
    }
    assert attached == MANAGED.keys()


def test_each_function_has_a_role_of_its_own(assembly: Assembly) -> None:
    roles = [
        text(function["Properties"]["Role"])
        for stack in STACKS
        for function in assembly.resources(stack, "AWS::Lambda::Function").values()
    ]
    assert len(roles) == len(set(roles)) == 3


@pytest.mark.parametrize("role", ["Infer", "Batch"])
def test_who_serves_may_only_add_to_the_ledger(assembly: Assembly, role: str) -> None:
    assert rights(assembly, role, LEDGER) == {"dynamodb:PutItem"}


@pytest.mark.parametrize("table", ["ControlTable", "RegistryTable"])
@pytest.mark.parametrize("role", ["Infer", "Batch"])
def test_who_serves_only_reads_keys_and_models(assembly: Assembly, role: str, table: str) -> None:
    assert rights(assembly, role, table) == {"dynamodb:GetItem", "dynamodb:Query"}
    assert rights(assembly, role, "ModelsBucket") == {"s3:GetObject"}


@pytest.mark.parametrize("role", ["Infer", "Batch"])
def test_who_serves_leaves_results_and_deletes_none(assembly: Assembly, role: str) -> None:
    assert rights(assembly, role, "ResultsBucket") == {"s3:GetObject", "s3:PutObject"}


def test_infer_takes_uploads_and_batch_only_reads_them(assembly: Assembly) -> None:
    assert rights(assembly, "Infer", "InputsBucket") == {"s3:GetObject", "s3:PutObject"}
    assert rights(assembly, "Batch", "InputsBucket") == {"s3:GetObject"}


def test_both_count_and_infer_also_shows_the_statistics(assembly: Assembly) -> None:
    counts = {"dynamodb:UpdateItem"}
    assert rights(assembly, "Batch", "StatisticsTable") == counts
    assert rights(assembly, "Infer", "StatisticsTable") == {
        "dynamodb:GetItem",
        "dynamodb:Query",
        *counts,
    }


@pytest.mark.parametrize("role", ["Infer", "Batch"])
def test_who_serves_updates_nothing_but_limits_and_statistics(
    assembly: Assembly, role: str
) -> None:
    updated = [
        resource
        for _, actions, on in assembly.statements(role)
        for resource in on
        if "dynamodb:UpdateItem" in actions
    ]
    assert [each.split("Table")[0].rpartition("Att")[2] for each in updated] == [
        "Limits",
        "Statistics",
    ]


@pytest.mark.parametrize("role", ["Infer", "Batch"])
def test_who_serves_takes_from_limits_item_by_item(assembly: Assembly, role: str) -> None:
    assert rights(assembly, role, "LimitsTable") == {
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
    }


@pytest.mark.parametrize("role", ["Infer", "Batch"])
def test_who_serves_adds_to_the_spool_and_never_takes_from_it(
    assembly: Assembly, role: str
) -> None:
    assert rights(assembly, role, "SpoolQueue") == {"sqs:SendMessage"}


@pytest.mark.parametrize("role", ["Infer", "Batch"])
def test_who_serves_knows_neither_usage_nor_archive(assembly: Assembly, role: str) -> None:
    assert rights(assembly, role, "UsageTable") == set()
    assert rights(assembly, role, "ArchiveBucket") == set()


def test_only_batch_knows_its_queue(assembly: Assembly) -> None:
    assert "sqs:SendMessage" in rights(assembly, "Batch", "DeadLetters")
    assert rights(assembly, "Infer", "Batches") == set()


def test_publish_touches_no_ledger_and_no_key(assembly: Assembly) -> None:
    assert rights(assembly, "Publish", LEDGER) == set()
    assert rights(assembly, "Publish", "ControlTable") == set()


def test_publish_deletes_nothing(assembly: Assembly) -> None:
    every = [action for _, actions, _ in assembly.statements("Publish") for action in actions]
    assert [action for action in every if "Delete" in action] == []


def test_the_job_writes_below_jobs_only(assembly: Assembly) -> None:
    written = [on for _, actions, on in assembly.statements("Job") if "s3:PutObject" in actions]
    ((resource,),) = written
    assert resource.endswith("/jobs/*")


def test_the_job_reads_its_data_and_its_code_only(assembly: Assembly) -> None:
    ((first, second),) = [
        on for _, actions, on in assembly.statements("Job") if "s3:GetObject" in actions
    ]
    code = assembly.asset("__main__.py").name.removeprefix("asset.")
    assert first.endswith(f"/{code}.zip")
    assert second.endswith("/data/*")


def test_the_state_machine_runs_jobs_of_its_own_name(assembly: Assembly) -> None:
    assert rights(assembly, "Pipeline", ":training-job/infermeter-*") == {
        "sagemaker:AddTags",
        "sagemaker:CreateTrainingJob",
        "sagemaker:DescribeTrainingJob",
        "sagemaker:ListTags",
        "sagemaker:StopTrainingJob",
    }


def test_the_state_machine_passes_the_jobs_role_to_sagemaker_only(assembly: Assembly) -> None:
    policy = assembly.properties("training", "AWS::IAM::Policy", "PipelineRole")
    (statement,) = [
        each for each in policy["PolicyDocument"]["Statement"] if each["Action"] == "iam:PassRole"
    ]
    assert text(statement["Resource"]).startswith("{JobRole")
    assert statement["Condition"] == {
        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
    }


def test_the_state_machine_may_be_told_of_the_jobs_end(assembly: Assembly) -> None:
    rule = ":rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
    assert rights(assembly, "Pipeline", rule) == {
        "events:DescribeRule",
        "events:PutRule",
        "events:PutTargets",
    }
