from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import MagicMock

import pytest

from infra.constructs.metering_permissions import allow_export
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

READ = {"dynamodb:GetItem", "dynamodb:Query"}
WRITE = {"dynamodb:PutItem", "dynamodb:UpdateItem"}
FOLLOWERS = ("Spool", "Archive", "Fold", "Export", "Reconcile")


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
    assert len(roles) == len(set(roles)) == 9


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


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        ("Spool", {"dynamodb:PutItem"}),
        ("Fold", READ),
        ("Export", set()),
        ("Reconcile", {*READ, "dynamodb:PutItem"}),
        ("Usage", READ),
    ],
)
def test_nobody_changes_an_entry_and_few_add_one(
    assembly: Assembly, role: str, actions: set[str]
) -> None:
    assert rights(assembly, role, LEDGER) == actions


def test_the_archive_hears_of_entries_by_the_stream_alone(assembly: Assembly) -> None:
    assert rights(assembly, "Archive", LEDGER) == {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    }
    for _, actions, resources in assembly.statements("Archive"):
        if "dynamodb:GetRecords" in actions:
            assert [each for each in resources if not each.endswith("/stream/*")] == []


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        ("Spool", {"dynamodb:PutItem"}),
        ("Archive", {"dynamodb:PutItem"}),
        ("Fold", {*READ, *WRITE, "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem"}),
        ("Export", {*READ, *WRITE}),
        ("Reconcile", {*READ, "dynamodb:PutItem"}),
        ("Usage", READ),
    ],
)
def test_findings_are_added_and_rows_are_the_folds(
    assembly: Assembly, role: str, actions: set[str]
) -> None:
    assert rights(assembly, role, "UsageTable") == actions


@pytest.mark.parametrize("role", ["Fold", "Export", "Reconcile", "Usage"])
def test_who_follows_the_ledger_only_reads_tenants(assembly: Assembly, role: str) -> None:
    assert rights(assembly, role, "ControlTable") == READ


def test_the_spools_consumer_looks_up_one_tenant_at_a_time(assembly: Assembly) -> None:
    assert rights(assembly, "Spool", "ControlTable") == {"dynamodb:GetItem"}


@pytest.mark.parametrize("role", ["Spool", "Archive", "Export", "Reconcile", "Usage"])
def test_limits_are_the_concern_of_who_serves_and_of_the_fold(
    assembly: Assembly, role: str
) -> None:
    assert rights(assembly, role, "LimitsTable") == set()


def objects(assembly: Assembly, role: str, action: str) -> set[str]:
    """Below which prefixes of the archive a role may do this to objects."""
    return {
        resource.rpartition("}/")[2]
        for _, actions, resources in assembly.statements(role)
        for resource in resources
        if action in actions and "ArchiveBucket" in resource
    }


@pytest.mark.parametrize(
    ("role", "written", "read"),
    [
        ("Archive", {"ledger/*"}, set()),
        ("Fold", {"ledger/*", "seals/*", "statements/*"}, {"ledger/*", "seals/*", "statements/*"}),
        ("Export", {"exports/*"}, set()),
        ("Reconcile", set(), {"ledger/*", "seals/*"}),
        ("Usage", set(), {"statements/*"}),
        ("Spool", set(), set()),
    ],
)
def test_each_writes_its_own_part_of_the_archive(
    assembly: Assembly, role: str, written: set[str], read: set[str]
) -> None:
    assert objects(assembly, role, "s3:PutObject") == written
    assert objects(assembly, role, "s3:GetObject") == read


@pytest.mark.parametrize("role", [*FOLLOWERS, "Usage"])
def test_nobody_deletes_from_the_archive(assembly: Assembly, role: str) -> None:
    assert not [each for each in rights(assembly, role, "ArchiveBucket") if "Delete" in each]


@pytest.mark.parametrize("role", ["Archive", "Export", "Usage"])
def test_only_the_spools_consumer_takes_from_it(assembly: Assembly, role: str) -> None:
    assert rights(assembly, role, "SpoolQueue") == set()
    assert "sqs:DeleteMessage" in rights(assembly, "Spool", "SpoolQueue")


def test_fold_and_reconcile_measure_the_spool(assembly: Assembly) -> None:
    assert rights(assembly, "Fold", "SpoolQueue") == {"sqs:GetQueueAttributes"}
    assert rights(assembly, "Reconcile", "SpoolQueue") == {
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    }


def test_reconcile_searches_two_logs_and_nobody_else_reads_any(assembly: Assembly) -> None:
    ((role, resources),) = [
        (role, on)
        for role, actions, on in assembly.statements()
        if "logs:FilterLogEvents" in actions
    ]
    assert role.startswith("Reconcile")
    assert len(resources) == 2
    for log, resource in zip(("GatewayAccessLogs", "InferLogs"), resources, strict=True):
        assert log in resource


@pytest.mark.parametrize(
    ("secret", "readers"),
    [("Pepper2", {"Infer", "Batch", "Usage"}), ("Export1", {"Export"})],
)
def test_secrets_are_read_by_those_who_need_them(
    assembly: Assembly, secret: str, readers: set[str]
) -> None:
    found = {
        role.partition("Role")[0]
        for role, actions, on in assembly.statements()
        if "secretsmanager:GetSecretValue" in actions and any(secret in each for each in on)
    }
    assert found == readers


def test_publish_touches_no_ledger_and_no_key(assembly: Assembly) -> None:
    assert rights(assembly, "Publish", LEDGER) == set()
    assert rights(assembly, "Publish", "ControlTable") == set()


def test_publish_deletes_nothing(assembly: Assembly) -> None:
    every = [action for _, actions, _ in assembly.statements("Publish") for action in actions]
    assert [action for action in every if "Delete" in action] == []


def test_the_job_writes_its_output_and_its_checkpoints_only(assembly: Assembly) -> None:
    ((first, second),) = [
        on for _, actions, on in assembly.statements("Job") if "s3:PutObject" in actions
    ]
    assert first.endswith("/checkpoints/*")
    assert second.endswith("/jobs/*")


def test_the_job_deletes_nothing(assembly: Assembly) -> None:
    every = [action for _, actions, _ in assembly.statements("Job") for action in actions]
    assert [action for action in every if "Delete" in action] == []


def test_the_job_reads_its_data_its_code_and_its_checkpoints_only(assembly: Assembly) -> None:
    ((first, second, third),) = [
        on for _, actions, on in assembly.statements("Job") if "s3:GetObject" in actions
    ]
    code = assembly.asset("__main__.py").name.removeprefix("asset.")
    assert first.endswith(f"/{code}.zip")
    assert second.endswith("/checkpoints/*")
    assert third.endswith("/data/*")


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


@pytest.mark.parametrize(("marketplace", "allowed"), [(False, []), (True, [["*"]])])
def test_only_where_the_settings_say_so_usage_is_reported_to_marketplace(
    marketplace: bool, allowed: list[list[str]]
) -> None:
    export, storage = MagicMock(), MagicMock()
    allow_export(export, storage, marketplace=marketplace)
    on = [
        call.kwargs["on"]
        for call in export.allow.call_args_list
        if "aws-marketplace:BatchMeterUsage" in call.args
    ]
    assert on == allowed  # the action knows no resource
