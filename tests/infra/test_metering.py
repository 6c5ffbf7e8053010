from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infermeter.metering.findings import FindingKind
from tests.infra.templates import text

if TYPE_CHECKING:
    from typing import Any

    from tests.infra.templates import Assembly

ALARM = "AWS::CloudWatch::Alarm"
FUNCTION = "AWS::Lambda::Function"
MAPPING = "AWS::Lambda::EventSourceMapping"
RULE = "AWS::Events::Rule"
NAMES = ("Spool", "Archive", "Fold", "Export", "Reconcile")


def alarms(assembly: Assembly) -> list[dict[str, Any]]:
    return [each["Properties"] for each in assembly.resources("metering", ALARM).values()]


def dimensions(alarm: dict[str, Any]) -> dict[str, str]:
    return {each["Name"]: text(each["Value"]) for each in alarm["Dimensions"]}


def over(assembly: Assembly, metric: str) -> list[dict[str, Any]]:
    return [alarm for alarm in alarms(assembly) if alarm["MetricName"] == metric]


@pytest.mark.parametrize(
    ("name", "resources"),
    [
        ("Spool", {"CONTROL_TABLE", "LEDGER_TABLE", "SPOOL_QUEUE", "USAGE_TABLE"}),
        ("Archive", {"ARCHIVE_BUCKET", "USAGE_TABLE"}),
        (
            "Fold",
            {
                "ARCHIVE_BUCKET",
                "CONTROL_TABLE",
                "LEDGER_TABLE",
                "LIMITS_TABLE",
                "SPOOL_QUEUE",
                "USAGE_TABLE",
            },
        ),
        ("Export", {"ARCHIVE_BUCKET", "CONTROL_TABLE", "EXPORT_SECRET", "USAGE_TABLE"}),
        (
            "Reconcile",
            {
                "ACCESS_LOG",
                "ARCHIVE_BUCKET",
                "CONTROL_TABLE",
                "FUNCTION_LOG",
                "LEDGER_TABLE",
                "SPOOL_QUEUE",
                "USAGE_TABLE",
            },
        ),
    ],
)
def test_functions_know_what_they_work_on(
    assembly: Assembly, name: str, resources: set[str]
) -> None:
    given = assembly.properties("metering", FUNCTION, name)["Environment"]["Variables"]
    known = {each.removeprefix("INFERMETER_") for each in given if each.startswith("INFERMETER_")}
    assert known == resources
    assert given["POWERTOOLS_SERVICE_NAME"] == name.lower()


def test_reconcile_reads_the_logs_of_gateway_and_infer(assembly: Assembly) -> None:
    given = assembly.properties("metering", FUNCTION, "Reconcile")["Environment"]["Variables"]
    assert "GatewayAccessLogs" in str(given["INFERMETER_ACCESS_LOG"])
    assert "InferLogs" in str(given["INFERMETER_FUNCTION_LOG"])


def test_entries_that_failed_alone_come_back_to_the_spools_consumer(assembly: Assembly) -> None:
    source = assembly.properties("metering", MAPPING, "Spool")
    assert "SpoolQueue" in text(source["EventSourceArn"])
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_spool_hides_an_entry_for_six_timeouts(assembly: Assembly) -> None:
    queue = assembly.properties("storage", "AWS::SQS::Queue")
    spool = assembly.properties("metering", FUNCTION, "Spool")
    assert queue["VisibilityTimeout"] >= 6 * spool["Timeout"]


def test_the_archive_follows_the_ledger_from_its_beginning(assembly: Assembly) -> None:
    source = assembly.properties("metering", MAPPING, "Archive")
    assert "LedgerTable" in text(source["EventSourceArn"])
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert (source["BatchSize"], source["MaximumBatchingWindowInSeconds"]) == (1000, 5)


def test_a_batch_is_halved_tried_until_it_expires_and_then_noted(assembly: Assembly) -> None:
    source = assembly.properties("metering", MAPPING, "Archive")
    assert source["BisectBatchOnFunctionError"] is True
    assert source.get("MaximumRetryAttempts", -1) == -1
    assert source["MaximumRecordAgeInSeconds"] == 23 * 3600  # the stream keeps them for 24 h
    destination = source["DestinationConfig"]["OnFailure"]["Destination"]
    assert text(destination).startswith("{StreamFailures")


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("Fold", "rate(5 minutes)"),
        ("Export", "rate(15 minutes)"),
        ("Reconcile", "rate(30 minutes)"),
    ],
)
def test_functions_run_by_the_clock(assembly: Assembly, name: str, rate: str) -> None:
    rule = assembly.properties("metering", RULE, name)
    assert (rule["ScheduleExpression"], rule["State"]) == (rate, "ENABLED")
    (target,) = rule["Targets"]
    assert text(target["Arn"]).startswith(f"{{{name}Function")


@pytest.mark.parametrize("kind", list(FindingKind))
def test_each_kind_of_finding_has_its_alarm(assembly: Assembly, kind: FindingKind) -> None:
    (alarm,) = [
        alarm
        for alarm in over(assembly, "Findings")
        if dimensions(alarm) == {"finding": kind.value}
    ]
    assert alarm["Namespace"] == "infermeter"
    assert alarm["Statistic"] == "Sum"
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)


def test_there_is_an_alarm_for_no_other_finding(assembly: Assembly) -> None:
    assert len(over(assembly, "Findings")) == len(FindingKind)


def test_entries_that_wait_for_a_quarter_of_an_hour_are_an_alarm(assembly: Assembly) -> None:
    (alarm,) = over(assembly, "ApproximateAgeOfOldestMessage")
    assert "SpoolQueue" in dimensions(alarm)["QueueName"]
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Maximum", 900)


def test_an_archive_that_lags_for_a_quarter_of_an_hour_is_an_alarm(assembly: Assembly) -> None:
    (alarm,) = over(assembly, "IteratorAge")
    assert dimensions(alarm)["FunctionName"].startswith("{ArchiveFunction")
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Maximum", 900_000)


def test_a_batch_that_was_given_up_is_an_alarm(assembly: Assembly) -> None:
    (alarm,) = over(assembly, "ApproximateNumberOfMessagesVisible")
    assert dimensions(alarm)["QueueName"].startswith("{StreamFailures")


def test_each_functions_errors_are_an_alarm(assembly: Assembly) -> None:
    watched = {dimensions(alarm)["FunctionName"] for alarm in over(assembly, "Errors")}
    assert sorted(watched) == sorted(
        f"{{{name}}}" for name in assembly.resources("metering", FUNCTION)
    )


def test_what_was_not_measured_is_no_alarm_and_each_says_what_it_means(
    assembly: Assembly,
) -> None:
    for alarm in alarms(assembly):
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmDescription"]
