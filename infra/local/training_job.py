"""One training job: its `/opt/ml` tree, its process, its output."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from infra.local import processes
from infra.local.job_data import JobData, JobFailed
from infra.local.output import Line, Output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from threading import Event

    from mypy_boto3_s3 import S3Client

ML_ROOT = "/opt/ml"
ML_ROOT_VARIABLE = "INFERMETER_ML_ROOT"
STOP_GRACE_S = 120.0  # SageMaker's time between SIGTERM and SIGKILL
_POLL_S = 0.1
_MAX_REASON = 1024


class Report(Protocol):
    """What a job tells while it runs."""

    def status(self, secondary: str, message: str) -> None: ...

    def log(self, lines: Sequence[Line]) -> None: ...


class TrainingJob:
    """Runs a `CreateTrainingJob` request to its end.

    `root` stands in for `/opt/ml`: it is put into the entry point's arguments and given to the
    process as INFERMETER_ML_ROOT.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        *,
        root: Path,
        s3: S3Client,
        environment: Mapping[str, str],
        report: Report,
    ) -> None:
        self._request = request
        self._root = root
        self._data = JobData(s3)
        self._environment = environment
        self._report = report

    def run(self, stop: Event) -> str:
        """Returns the job's secondary status: Completed, Stopped or MaxRuntimeExceeded.

        Raises JobFailed. `stop` set means StopTrainingJob.
        """
        try:
            self._prepare()
            ended = self._train(stop)
            self._report.status("Uploading", "Uploading generated training model")
            self._upload()
        finally:
            shutil.rmtree(self._root, ignore_errors=True)
        return ended

    @property
    def artifacts(self) -> str:
        """The S3 address of the model: a prefix when it is not compressed."""
        name = "model/" if self._uncompressed else "model.tar.gz"
        return f"{self._output}/{name}"

    @property
    def _output(self) -> str:
        base = self._request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        return f"{base}/{self._request['TrainingJobName']}/output"

    @property
    def _uncompressed(self) -> bool:
        return bool(self._request["OutputDataConfig"].get("CompressionType") == "NONE")

    # ---- before

    def _prepare(self) -> None:
        for folder in ("input/config", "input/data", "model", "output/data", "checkpoints"):
            (self._root / folder).mkdir(parents=True, exist_ok=True)
        self._report.status("Downloading", "Downloading input data")
        for channel in self._request.get("InputDataConfig", []):
            self._download(channel)
        if checkpoints := self._request.get("CheckpointConfig"):
            self._data.fetch(checkpoints["S3Uri"].rstrip("/") + "/", self._checkpoints)
        instance = self._request.get("ResourceConfig", {}).get("InstanceType", "local")
        files = {
            "hyperparameters": self._request.get("HyperParameters", {}),
            "resourceconfig": _resources(instance),
            "inputdataconfig": {
                channel["ChannelName"]: _channel(channel)
                for channel in self._request.get("InputDataConfig", [])
            },
        }
        for name, content in files.items():
            path = self._root / "input" / "config" / f"{name}.json"
            path.write_text(json.dumps(content))

    def _download(self, channel: Mapping[str, Any]) -> None:
        source = channel["DataSource"]["S3DataSource"]
        folder = self._root / "input" / "data" / channel["ChannelName"]
        folder.mkdir(parents=True, exist_ok=True)
        if not self._data.fetch(source["S3Uri"], folder):
            raise JobFailed(
                f'ClientError: No S3 objects found under S3 URL "{source["S3Uri"]}" given in '
                "input data source. Please ensure that the bucket exists in the selected region, "
                "that objects exist under that S3 prefix, and that the role "
                f'"{self._request["RoleArn"]}" has "s3:ListBucket" permissions on it.'
            )

    # ---- the process

    def _train(self, stop: Event) -> str:
        self._report.status("Training", "Training image download completed. Training in progress.")
        process = processes.start(
            self._command(),
            cwd=self._root,
            environment=self._variables(),
            output=subprocess.PIPE,
        )
        assert process.stdout is not None  # noqa: S101 - it was asked for
        output = Output(process.stdout, on_end=lambda: None)
        try:
            ended = self._watch(process, output, stop)
        finally:
            processes.end(process, grace_s=0.0)
            self._report.log(output.drain())
        if ended == "Completed" and process.returncode != 0:
            raise JobFailed(self._failure(process.returncode))
        return ended

    def _watch(self, process: subprocess.Popen[bytes], output: Output, stop: Event) -> str:
        """Pass log lines on until the process ends, by itself or because it must."""
        limit_s = self._request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400)
        deadline = time.monotonic() + limit_s
        ended, kill_at = "Completed", float("inf")
        while process.poll() is None:
            now = time.monotonic()
            if ended == "Completed" and (stop.is_set() or now > deadline):
                ended = "Stopped" if stop.is_set() else "MaxRuntimeExceeded"
                kill_at = now + STOP_GRACE_S
                self._report.status("Stopping", "Stopping the training job")
                processes.send(process, signal.SIGTERM)
            if now > kill_at:
                processes.kill(process)
            if lines := output.drain():
                self._report.log(lines)
            time.sleep(_POLL_S)
        return ended

    def _command(self) -> list[str]:
        specification = self._request.get("AlgorithmSpecification", {})
        entry: list[str] = specification.get("ContainerEntrypoint", [])
        if not entry:
            raise JobFailed(
                "ClientError: the local stack runs no images: "
                "AlgorithmSpecification.ContainerEntrypoint is required"
            )
        given: list[str] = specification.get("ContainerArguments", [])
        program, *arguments = [*entry, *given]
        if re.fullmatch(r"python[\d.]*", program):
            program = sys.executable
        return [argument.replace(ML_ROOT, str(self._root)) for argument in (program, *arguments)]

    def _variables(self) -> dict[str, str]:
        inherited = ("PATH", "HOME", "LANG", "TMPDIR")
        return {
            **{name: os.environ[name] for name in inherited if name in os.environ},
            "PYTHONUNBUFFERED": "1",
            **self._request.get("Environment", {}),
            "TRAINING_JOB_NAME": self._request["TrainingJobName"],
            ML_ROOT_VARIABLE: str(self._root),
            **self._environment,
        }

    def _failure(self, code: int) -> str:
        path = self._root / "output" / "failure"
        reason = path.read_text(errors="replace").strip() if path.is_file() else ""
        text = f"AlgorithmError: {reason}, exit code: {code}" if reason else f"exit code: {code}"
        return (text if reason else f"AlgorithmError: {text}")[:_MAX_REASON]

    # ---- after

    def _upload(self) -> None:
        for folder, name in (("model", "model"), ("output/data", "output")):
            path = self._root / folder
            if any(path.iterdir()):
                self._store(path, name if folder == "model" else "data")
        if checkpoints := self._request.get("CheckpointConfig"):
            self._data.store(self._checkpoints, checkpoints["S3Uri"].rstrip("/"))

    def _store(self, folder: Path, name: str) -> None:
        if self._uncompressed:
            self._data.store(folder, f"{self._output}/{name}")
            return
        archive = self._root / f"{'model' if name == 'model' else 'output'}.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(folder, arcname=".")
        self._data.store_file(archive, f"{self._output}/{archive.name}")

    @property
    def _checkpoints(self) -> Path:
        local = self._request["CheckpointConfig"].get("LocalPath", f"{ML_ROOT}/checkpoints")
        return Path(local.replace(ML_ROOT, str(self._root)))


def _resources(instance: str) -> dict[str, Any]:
    return {
        "current_host": "algo-1",
        "current_instance_type": instance,
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1"],
        "instance_groups": [
            {
                "instance_group_name": "homogeneousCluster",
                "instance_type": instance,
                "hosts": ["algo-1"],
            }
        ],
        "network_interface_name": "lo",
    }


def _channel(channel: Mapping[str, Any]) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    values = {
        "TrainingInputMode": channel.get("InputMode", "File"),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    if "ContentType" in channel:
        values["ContentType"] = channel["ContentType"]
    return values
