from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.infra.templates import text

if TYPE_CHECKING:
    from typing import Any

    from tests.infra.templates import Assembly

FUNCTION = "AWS::Lambda::Function"
STAGE = "AWS::ApiGateway::Stage"
QUEUE = "AWS::SQS::Queue"


@pytest.mark.parametrize(("name", "own"), [("Infer", ["{Docs"]), ("Batch", []), ("Usage", [])])
def test_functions_run_the_layers_on_the_chosen_python(
    assembly: Assembly, name: str, own: list[str]
) -> None:
    function = assembly.properties("serving", FUNCTION, name)
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["x86_64"]
    assert function["Handler"] == "handler.handler"
    layers = [text(layer) for layer in function["Layers"]]
    for layer, name_of_it in zip(layers, ["{LayersCore", "{LayersOnnx", *own], strict=True):
        assert layer.startswith(name_of_it)


@pytest.mark.parametrize("name", ["Infer", "Batch", "Usage"])
def test_functions_reserve_no_concurrency_and_are_not_traced(assembly: Assembly, name: str) -> None:
    function = assembly.properties("serving", FUNCTION, name)
    assert "ReservedConcurrentExecutions" not in function
    assert "TracingConfig" not in function


def test_infer_knows_its_resources(assembly: Assembly) -> None:
    given = assembly.properties("serving", FUNCTION, "Infer")["Environment"]["Variables"]
    assert given.keys() == {
        "INFERMETER_CONTROL_TABLE",
        "INFERMETER_INPUTS_BUCKET",
        "INFERMETER_LEDGER_TABLE",
        "INFERMETER_LIMITS_TABLE",
        "INFERMETER_MODELS_BUCKET",
        "INFERMETER_PEPPER_SECRET",
        "INFERMETER_REGISTRY_TABLE",
        "INFERMETER_RESULTS_BUCKET",
        "INFERMETER_SIGNED",
        "INFERMETER_SPOOL_QUEUE",
        "INFERMETER_STATISTICS_TABLE",
        "OPENBLAS_NUM_THREADS",
        "POWERTOOLS_LOG_LEVEL",
        "POWERTOOLS_METRICS_NAMESPACE",
        "POWERTOOLS_SERVICE_NAME",
    }
    assert given["OPENBLAS_NUM_THREADS"] == "1"
    assert given["POWERTOOLS_SERVICE_NAME"] == "infer"


def test_batch_also_knows_where_dead_letters_go(assembly: Assembly) -> None:
    given = assembly.properties("serving", FUNCTION, "Batch")["Environment"]["Variables"]
    assert text(given["INFERMETER_DEAD_LETTER_QUEUE"]).startswith("{BatchesDeadLetters")


@pytest.mark.parametrize("name", ["Infer", "Batch"])
@pytest.mark.parametrize(
    ("variable", "resource"),
    [
        ("INFERMETER_INPUTS_BUCKET", "InputsBucket"),
        ("INFERMETER_RESULTS_BUCKET", "ResultsBucket"),
        ("INFERMETER_STATISTICS_TABLE", "StatisticsTable"),
    ],
)
def test_functions_know_where_tensors_and_counts_lie(
    assembly: Assembly, name: str, variable: str, resource: str
) -> None:
    given = assembly.properties("serving", FUNCTION, name)["Environment"]["Variables"]
    assert resource in text(given[variable])


def test_the_api_is_regional_takes_bytes_and_modern_tls_only(assembly: Assembly) -> None:
    api = assembly.properties("serving", "AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert api["BinaryMediaTypes"] == ["*/*"]
    assert api["SecurityPolicy"].startswith("SecurityPolicy_TLS13_1_2_PFS")
    assert api["EndpointAccessMode"] == "STRICT"


def test_the_gateway_leaves_compression_to_client_and_function(assembly: Assembly) -> None:
    assert "MinimumCompressionSize" not in assembly.properties(
        "serving", "AWS::ApiGateway::RestApi"
    )


def test_usage_knows_its_resources(assembly: Assembly) -> None:
    given = assembly.properties("serving", FUNCTION, "Usage")["Environment"]["Variables"]
    assert {name for name in given if name.startswith("INFERMETER_")} == {
        "INFERMETER_ARCHIVE_BUCKET",
        "INFERMETER_CONTROL_TABLE",
        "INFERMETER_LEDGER_TABLE",
        "INFERMETER_PEPPER_SECRET",
        "INFERMETER_USAGE_TABLE",
    }


def routes(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """What integrates each path's method ANY, which is the only one."""
    resources = assembly.resources("serving", "AWS::ApiGateway::Resource")

    def path(reference: dict[str, Any]) -> str:
        name = text(reference)[1:-1]
        if name not in resources:
            return ""  # the API's root
        part = resources[name]["Properties"]
        return f"{path(part['ParentId'])}/{part['PathPart']}"

    found = {}
    for method in assembly.resources("serving", "AWS::ApiGateway::Method").values():
        assert method["Properties"]["HttpMethod"] == "ANY"
        found[path(method["Properties"]["ResourceId"])] = method["Properties"]["Integration"]
    return found


def test_usage_answers_below_its_path_and_infer_everywhere_else(assembly: Assembly) -> None:
    found = routes(assembly)
    assert found.keys() == {
        *("", "/{proxy+}", "/v1", "/v1/{proxy+}"),
        *("/v1/usage", "/v1/usage/{proxy+}"),
    }
    for path, integration in found.items():
        assert integration["Type"] == "AWS_PROXY"
        name = "UsageFunction" if path.startswith("/v1/usage") else "InferFunction"
        assert name in text(integration["Uri"])


def test_the_stage_is_throttled(assembly: Assembly) -> None:
    stage = assembly.properties("serving", STAGE)
    assert stage["StageName"] == "live"
    (settings,) = stage["MethodSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (500, 1000)
    assert "TracingEnabled" not in stage


def test_the_access_log_is_json_with_request_id_status_and_latency(assembly: Assembly) -> None:
    log = json.loads(assembly.properties("serving", STAGE)["AccessLogSetting"]["Format"])
    assert log["request_id"] == "$context.extendedRequestId"
    assert log["shown_request_id"] == "$context.requestId"
    assert log["status"] == "$context.status"
    assert log["latency_ms"] == "$context.responseLatency"


def test_the_stage_waits_for_the_role_that_access_logs_need(assembly: Assembly) -> None:
    (stage,) = assembly.resources("serving", STAGE).values()
    (account,) = assembly.resources("serving", "AWS::ApiGateway::Account")
    assert account in stage["DependsOn"]


@pytest.mark.parametrize("side", ["4XX", "5XX"])
def test_the_gateways_own_refusals_carry_an_error(assembly: Assembly, side: str) -> None:
    refusal = assembly.properties(
        "serving", "AWS::ApiGateway::GatewayResponse", f"GatewayApiDefault{side}"
    )
    assert refusal["ResponseType"] == f"DEFAULT_{side}"
    assert refusal["ResponseTemplates"] == {
        "application/json": '{"error":$context.error.messageString}'
    }


def test_only_failed_messages_of_a_batch_come_back(assembly: Assembly) -> None:
    source = assembly.properties("serving", "AWS::Lambda::EventSourceMapping")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BatchSize"] == 100
    assert source["MaximumBatchingWindowInSeconds"] == 1


def test_the_queue_hides_a_message_for_six_timeouts(assembly: Assembly) -> None:
    queue = assembly.properties("serving", QUEUE, "BatchesQueue")
    batch = assembly.properties("serving", FUNCTION, "Batch")
    assert queue["VisibilityTimeout"] >= 6 * batch["Timeout"]


def test_messages_that_fail_thrice_are_dead_letters(assembly: Assembly) -> None:
    redrive = assembly.properties("serving", QUEUE, "BatchesQueue")["RedrivePolicy"]
    assert text(redrive["deadLetterTargetArn"]).startswith("{BatchesDeadLetters")
    assert redrive["maxReceiveCount"] == 3
