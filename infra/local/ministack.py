"""Every hook on MiniStack's private names, in this file alone.

The names are where they are in the pinned version and are no contract of MiniStack's: each hook
has a test that fails when an upgrade moves it. `HOOKS` lists what is replaced or called.
Import only in the server process, after `server.configure` has set MiniStack's environment.
"""
# ruff: noqa: SLF001 - private names are this file's subject

from __future__ import annotations

import asyncio
import base64
import contextvars
import functools
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from ministack import app
from ministack.core import lambda_runtime, responses, router
from ministack.services import (
    apigateway_v1,
    cloudwatch_logs,
    dynamodb,
    lambda_svc,
    s3,
    stepfunctions,
)
from ministack.services.cloudformation import provisioners

from infra.local import gateway
from infra.local.bucket_properties import encryption_xml, lifecycle_xml
from infra.local.functions import Function

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from infra.local.execution import Fleet
    from infra.local.front import Route
    from infra.local.functions import CodeFolder
    from infra.local.output import Line
    from infra.local.sagemaker import SageMaker

HOOKS = {
    app: ("app", "AUTH", "SERVICE_HANDLERS"),
    router: ("SERVICE_PATTERNS",),
    responses: ("set_request_account_id", "_request_account_id"),
    lambda_runtime: ("execution_credentials",),
    lambda_svc: (
        "_execute_function_warm",
        "_emit_lambda_logs",
        "_resolve_layer_zip",
        "_find_layer_version",
    ),
    cloudwatch_logs: ("_create_log_group", "_create_log_stream", "_put_log_events"),
    apigateway_v1: (
        "handle_execute",
        "_invoke_lambda_proxy_v1",
        "_call_lambda_raw",
        "_extract_lambda_ref_from_integration_uri",
        "_gateway_error_response",
        "_GatewayError",
        "find_api_scope",
    ),
    stepfunctions: ("_SERVICE_DISPATCH", "_ExecutionError"),
    provisioners: ("_RESOURCE_HANDLERS",),
    dynamodb: ("_update_ttl", "_update_continuous_backups", "_update_table"),
    s3: ("_put_bucket_encryption", "_put_bucket_lifecycle"),
}

asgi = app.app
_WRITTEN = "written-by-the-environment"
_log = logging.getLogger("infermeter.local")


# ---- Lambda: functions run under the real runtime client ---------------------------------------


def run_functions(
    fleet: Fleet, code: CodeFolder, *, endpoint: str, substitutes: Mapping[str, Path]
) -> None:
    """Run Python functions in `fleet`.

    A layer whose description contains a key of `substitutes` is replaced by that folder.
    """
    worker, emit = lambda_svc._execute_function_warm, lambda_svc._emit_lambda_logs
    layers = _Layers(code, substitutes)
    folders: dict[str, Path] = {}

    def execute(func: Mapping[str, Any], event: Any, request_id: str) -> Any:
        config = func.get("config") or func
        archive = func.get("code_zip")
        if not archive or not str(config.get("Runtime")).startswith("python"):
            return worker(func, event, request_id)
        digest = config["CodeSha256"]
        if digest not in folders:
            folders[digest] = code.unpack(archive)
        attached = tuple(map(layers.folder, config.get("Layers") or ()))
        function = _function(config, folders[digest], attached, endpoint)
        payload = event.payload if isinstance(event, _Event) else json.dumps(event).encode()
        execution = fleet.invoke(function, payload, request_id)
        _write_log(function.log_group, execution.log_stream, execution.log)
        text = "\n".join(line.text for line in execution.log)
        result = {"log": text, "log_source": _WRITTEN}
        if execution.error is not None:
            return {**result, "body": execution.error, "error": True}
        return {**result, "body": json.loads(execution.payload or b"null")}

    def emit_unless_written(*args: Any, log_source: str | None = None) -> None:
        if log_source != _WRITTEN:
            emit(*args, log_source=log_source)

    lambda_svc._execute_function_warm = execute
    lambda_svc._emit_lambda_logs = emit_unless_written


class _Layers:
    """Where the layers' files lie; a version of a layer never changes."""

    def __init__(self, code: CodeFolder, substitutes: Mapping[str, Path]) -> None:
        self._code = code
        self._substitutes = substitutes
        self._folders: dict[str, Path] = {}

    def folder(self, attached: Mapping[str, Any]) -> Path:
        """Of a layer as a function's configuration names it."""
        arn = attached["Arn"]
        if arn not in self._folders:
            self._folders[arn] = self._find(arn, attached)
        return self._folders[arn]

    def _find(self, arn: str, attached: Mapping[str, Any]) -> Path:
        description = _layer_description(arn)
        for part, folder in self._substitutes.items():
            if part in description:
                return folder
        return self._code.unpack(lambda_svc._resolve_layer_zip(attached) or _EMPTY_ZIP)


def _layer_description(arn: str) -> str:
    *_, account, _, name, number = arn.split(":")
    region = arn.split(":")[3]
    version, _ = lambda_svc._find_layer_version(
        name, int(number), account, region, include_deleted=True
    )
    return str((version or {}).get("Description", ""))


def _function(
    config: Mapping[str, Any], code: Path, layers: tuple[Path, ...], endpoint: str
) -> Function:
    variables = (config.get("Environment") or {}).get("Variables") or {}
    credentials = lambda_runtime.execution_credentials(config)
    version = config.get("Version", "$LATEST")
    snap_start = (config.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions"
    name = config["FunctionName"]
    return Function(
        arn=config["FunctionArn"],
        name=name,
        version=version,
        handler=config["Handler"],
        runtime=config["Runtime"],
        code=code,
        layers=layers,
        memory_mb=int(config.get("MemorySize", 128)),
        timeout_s=float(config.get("Timeout", 3)),
        log_group=(config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}",
        region=config["FunctionArn"].split(":")[3],
        snap_start=snap_start and version != "$LATEST",
        environment={
            **variables,
            **{name: value for name, value in credentials.items() if value},
            "AWS_ENDPOINT_URL": endpoint,
        },
    )


def _write_log(group: str, stream: str, lines: Sequence[Line]) -> None:
    where = {"logGroupName": group, "logStreamName": stream}
    cloudwatch_logs._create_log_group({"logGroupName": group})  # both answer 400 if it exists
    cloudwatch_logs._create_log_stream(where)
    events = [{"timestamp": line.time_ms, "message": line.text} for line in lines]
    cloudwatch_logs._put_log_events({**where, "logEvents": events})


# ---- API Gateway: real proxy events, and errors as AWS words them ------------------------------

_request: contextvars.ContextVar[gateway.Request] = contextvars.ContextVar("request")


async def execute_api(route: Route, request: gateway.Request) -> gateway.Response:
    """Send a request through the deployed stage, in this process."""
    _request.set(request)
    headers = {name.lower(): value for name, value in request.headers}
    status, answered, body = await apigateway_v1.handle_execute(
        route.api_id,
        route.stage,
        request.method,
        request.path,
        headers,
        request.body,
        parse_qs(request.query, keep_blank_values=True),
    )
    pairs = [
        (str(name), str(item))
        for name, value in answered.items()
        for item in (value if isinstance(value, list | tuple) else [value])
    ]
    return gateway.Response(status, tuple(pairs), body)


class _Event(dict[str, Any]):
    """An event that is encoded already."""

    payload: bytes


class _BadGateway(apigateway_v1._GatewayError):  # type: ignore[misc]
    """A function that failed: 502 and not one word of what went wrong."""

    def __init__(self, message: str = "Internal server error") -> None:
        super().__init__("DEFAULT_5XX", message, "InternalServerErrorException")


def send_proxy_events() -> None:
    """Build events, read answers and word errors as `gateway` does."""
    render = apigateway_v1._gateway_error_response

    def render_error(error: Any, request: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = render(error, request)
        return (502 if isinstance(error, _BadGateway) and status == 500 else status), headers, body

    apigateway_v1._gateway_error_response = render_error
    apigateway_v1._invoke_lambda_proxy_v1 = _invoke_proxy


async def _invoke_proxy(
    integration: Mapping[str, Any],
    api_id: str,
    stage_name: str,
    stage: Mapping[str, Any],
    resource: Mapping[str, Any],
    request_path: str,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
    query_params: Mapping[str, list[str]],
    path_params: dict[str, str],
    *,
    owner_account_id: str,
    owner_region: str,
    binary_media_types: Sequence[str],
    authorizer_context: Mapping[str, Any] | None = None,
    caller_identity: Mapping[str, Any] | None = None,
) -> Any:
    place = gateway.Place(
        api_id=api_id,
        stage=stage_name,
        account=owner_account_id,
        region=owner_region,
        resource_id=resource["id"],
        resource_path=resource["path"],
        path_parameters=path_params,
        stage_variables=stage.get("variables"),
        binary_media_types=tuple(binary_media_types),
    )
    # Without the front, a request of MiniStack's own endpoint: header names have lost their case.
    query = urlencode(query_params, doseq=True)
    plain = gateway.Request(method, request_path, tuple(headers.items()), query, body)
    request = _request.get(plain)
    event = _Event(gateway.proxy_event(request, place))
    event["requestContext"]["identity"].update(caller_identity or {})
    if authorizer_context is not None:
        event["requestContext"]["authorizer"] = authorizer_context
    event.payload = json.dumps(event).encode()
    if len(event.payload) > gateway.MAX_EVENT_BYTES:
        return apigateway_v1._GatewayError(
            "REQUEST_TOO_LARGE", "Request Too Long", "RequestEntityTooLargeException"
        )
    reference = apigateway_v1._extract_lambda_ref_from_integration_uri(integration["uri"])
    try:
        result, missing = await asyncio.wait_for(
            apigateway_v1._call_lambda_raw(
                reference, event, account_id=owner_account_id, region=owner_region
            ),
            gateway.INTEGRATION_LIMIT_S,
        )
    except TimeoutError:
        return apigateway_v1._GatewayError("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    if missing or result.get("throttle"):
        return apigateway_v1._GatewayError("API_CONFIGURATION_ERROR", "Internal server error")
    if result.get("error"):
        return _BadGateway()
    try:
        answer = gateway.response(result.get("body"), request, place)
    except gateway.MalformedAnswer as error:
        _log.warning("%s: malformed proxy response: %s", reference, error)
        return _BadGateway()
    grouped: dict[str, list[str]] = {}
    for name, value in answer.headers:
        grouped.setdefault(name, []).append(value)
    return answer.status, grouped, answer.body


# ---- SageMaker, which MiniStack lacks, and its Step Functions integration ----------------------


def add_sagemaker(service: SageMaker) -> None:
    """Serve training jobs, and `createTrainingJob` and `createTrainingJob.sync` of a state."""

    async def handle(
        method: str,  # noqa: ARG001 - MiniStack's signature
        path: str,  # noqa: ARG001
        headers: Mapping[str, str],
        body: bytes,
        query_params: Mapping[str, list[str]],  # noqa: ARG001
    ) -> tuple[int, dict[str, str], bytes]:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        status, document = await asyncio.to_thread(service.call, operation, body)
        return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(document).encode()

    def run_task(resource: str, parameters: dict[str, Any]) -> Any:
        try:
            return service.run_task(parameters, wait=resource.endswith(".sync"))
        except service.TaskFailed as error:
            raise stepfunctions._ExecutionError(error.name, error.cause) from error

    app.SERVICE_HANDLERS["sagemaker"] = handle
    router.SERVICE_PATTERNS = {
        "sagemaker": {"target_prefixes": ["SageMaker."], "credential_scope": "sagemaker"},
        **router.SERVICE_PATTERNS,
    }
    stepfunctions._SERVICE_DISPATCH["arn:aws:states:::sagemaker:createTrainingJob"] = run_task


# ---- CloudFormation: properties that its provisioners drop -------------------------------------


def mend_cloudformation() -> None:
    """Apply what the template says of tables and buckets, all of it.

    The calls are made in this process: one over HTTP would wait for the event loop it runs on.
    """
    _after("AWS::DynamoDB::Table", _apply_to_table)
    _after("AWS::S3::Bucket", _apply_to_bucket)


def _after(kind: str, apply: Callable[[str, Mapping[str, Any]], None]) -> None:
    handlers = provisioners._RESOURCE_HANDLERS[kind]
    create, update = handlers["create"], handlers["update"]

    @functools.wraps(create)
    def create_all(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        result = create(logical_id, properties, stack_name)
        apply(result[0], properties)
        return result

    @functools.wraps(update)
    def update_all(physical_id: str, old: Any, new: Any, *args: Any, **kwargs: Any) -> Any:
        result = update(physical_id, old, new, *args, **kwargs)
        apply(result[0], new)
        return result

    provisioners._RESOURCE_HANDLERS[kind] = {
        **handlers,
        "create": create_all,
        "update": update_all,
    }


def _apply_to_table(name: str, properties: Mapping[str, Any]) -> None:
    calls = {
        "TimeToLiveSpecification": dynamodb._update_ttl,
        "PointInTimeRecoverySpecification": dynamodb._update_continuous_backups,
    }
    for key, call in calls.items():
        if key in properties:
            _expect(call({"TableName": name, key: _typed(properties[key])}))
    if encryption := properties.get("SSESpecification"):
        typed = dict(_typed(encryption))
        typed["Enabled"] = typed.pop("SSEEnabled", False)
        _expect(dynamodb._update_table({"TableName": name, "SSESpecification": typed}))


def _apply_to_bucket(name: str, properties: Mapping[str, Any]) -> None:
    if encryption := properties.get("BucketEncryption"):
        _expect(s3._put_bucket_encryption(name, encryption_xml(encryption)))
    if lifecycle := properties.get("LifecycleConfiguration"):
        _expect(s3._put_bucket_lifecycle(name, lifecycle_xml(lifecycle)))


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """CloudFormation passes booleans on as the text of the template, too."""
    booleans = {"true": True, "false": False}
    return {name: booleans.get(str(value).lower(), value) for name, value in values.items()}


def _expect(answer: tuple[int, Any, Any]) -> None:
    if answer[0] >= 300:
        raise ValueError(f"{answer[2]!r}")


_EMPTY_ZIP = base64.b64decode("UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==")
