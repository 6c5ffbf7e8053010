"""Lambda: functions run under the real runtime client."""
# ruff: noqa: SLF001 - private names are this package's subject

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from infra.local.functions import Function
from infra.local.ministack.api import EncodedEvent
from infra.local.ministack.logs import write_log

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from infra.local.execution import Fleet
    from infra.local.functions import CodeFolder

_WRITTEN = "written-by-the-environment"
_EMPTY_ZIP = base64.b64decode("UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==")


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
        payload = event.payload if isinstance(event, EncodedEvent) else json.dumps(event).encode()
        execution = fleet.invoke(function, payload, request_id)
        write_log(function.log_group, execution.log_stream, execution.log)
        text = "\n".join(line.text for line in execution.log)
        result = {"log": text, "log_source": _WRITTEN, "request_id": request_id}
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
