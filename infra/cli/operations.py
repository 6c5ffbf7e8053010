"""`logs`, `invoke`, `deploy`, `demo`."""

from __future__ import annotations

import json as jsonlib
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import boto3
import typer

from infra.cli import console
from infra.cli.events import expand
from infra.cli.target import Json, Profile, Region, Stack, find_target
from infra.local.synthesis import SILENCED_NODES

if TYPE_CHECKING:
    from infra.cli.target import Target

FUNCTIONS = {
    "infer": "InferFunction",
    "batch": "BatchFunction",
    "usage": "UsageFunction",
    "spool": "SpoolFunction",
    "archive": "ArchiveFunction",
    "fold": "FoldFunction",
    "export": "ExportFunction",
    "reconcile": "ReconcileFunction",
    "publish": "PublishFunction",
}
TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"
INFRA = Path(__file__).resolve().parents[1]
_POLL_S = 1.0
_RECENT_MS = 60 * 60 * 1000


class OperationError(Exception):
    """An operation could not be done; one line."""


def logs(
    function: Annotated[
        str | None, typer.Argument(help=f"{', '.join(FUNCTIONS)} or training; default: all.")
    ] = None,
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as lines come.")] = False,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    json: Json = False,
) -> None:
    """The last hour's log lines of the functions and training jobs."""
    target = find_target(profile, stack, region)
    groups = {name: _log_group(target, name) for name in _sources(function)}
    seen: set[str] = set()
    since = int(time.time() * 1000) - _RECENT_MS
    while True:
        for line in _new_lines(target, groups, since, seen):
            if json:
                console.print_json(line)
            else:
                console.out.print(f"{line['source']:9} {line['message']}", markup=False)
        if not follow:
            return
        time.sleep(_POLL_S)


def invoke(
    function: Annotated[str, typer.Argument(help=", ".join(FUNCTIONS))],
    event: Annotated[Path, typer.Argument(help="JSON, with ${NAME} taken from the environment.")],
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Send an event to a function and print its answer. Exit code 1 when the function fails."""
    if not event.is_file():
        raise OperationError(f"event: expected a JSON file, got '{event}', which is none")
    try:
        payload = expand(event.read_text(), os.environ)
    except jsonlib.JSONDecodeError as error:
        raise OperationError(f"{event}: expected JSON, got: {error}") from None
    target = find_target(profile, stack, region)
    answer = target.client("lambda").invoke(
        FunctionName=_function_name(target, function), Payload=jsonlib.dumps(payload).encode()
    )
    document = jsonlib.loads(answer["Payload"].read() or b"null")
    if json:
        console.print_json(document)
    else:
        console.out.print_json(data=document)
    raise typer.Exit(1 if "FunctionError" in answer else 0)


def deploy(
    profile: Profile = None,
    region: Region = None,
    settings: Annotated[
        str | None, typer.Option(help="Another file beside infra/settings.toml.")
    ] = None,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before changes of permissions.")
    ] = False,
) -> None:
    """Build, synthesize and deploy to AWS with the CDK's own command line."""
    cdk = INFRA / "node_modules" / ".bin" / "cdk"
    if not cdk.exists():
        raise OperationError(f"the CDK command line: expected it in {cdk.parent}; run 'make setup'")
    if boto3.Session(profile_name=profile, region_name=region).get_credentials() is None:
        raise OperationError(
            "AWS credentials: expected those of --profile or the default chain, got none"
        )
    command = [str(cdk), "deploy", "--all", "--no-notices"]
    command += ["--require-approval", "never" if yes else "broadening"]
    if settings:
        command += ["--context", f"settings={settings}"]
    if profile:
        command += ["--profile", profile]
    environment = {
        **os.environ,
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": SILENCED_NODES,
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        **({"AWS_REGION": region} if region else {}),
    }
    raise typer.Exit(subprocess.run(command, cwd=INFRA, env=environment, check=False).returncode)


def demo(
    port: Annotated[int | None, typer.Option(help="Port, if no local stack is running.")] = None,
) -> None:
    """The whole loop on the local stack: train, gate, publish, serve, meter. Checks every step."""
    from infra.cli.demo import run

    raise typer.Exit(run(port))


def _sources(function: str | None) -> list[str]:
    known = [*FUNCTIONS, "training"]
    if function is not None and function not in known:
        raise OperationError(f"function: expected {', '.join(known)}, got '{function}'")
    return known if function is None else [function]


def _function_name(target: Target, function: str) -> str:
    if function not in FUNCTIONS:
        raise OperationError(f"function: expected {', '.join(FUNCTIONS)}, got '{function}'")
    return target.output(FUNCTIONS[function])


def _log_group(target: Target, source: str) -> str:
    if source == "training":
        return TRAINING_LOGS
    name = _function_name(target, source)
    configuration = target.client("lambda").get_function_configuration(FunctionName=name)
    return configuration.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}")


def _new_lines(
    target: Target, groups: dict[str, str], since: int, seen: set[str]
) -> list[dict[str, str | int]]:
    client = target.client("logs")
    lines: list[dict[str, str | int]] = []
    for source, group in groups.items():
        try:
            pages = client.get_paginator("filter_log_events").paginate(
                logGroupName=group, startTime=since
            )
            events = [event for page in pages for event in page["events"]]
        except client.exceptions.ResourceNotFoundException:
            continue  # nothing has run yet
        for event in events:
            identity = f"{source}/{event['eventId']}"
            if identity not in seen:
                seen.add(identity)
                message = event["message"].rstrip("\n")
                lines.append({"source": source, "time": event["timestamp"], "message": message})
    return sorted(lines, key=lambda line: line["time"])
