"""One execution environment: one process of the real runtime, one event at a time."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from infra.local import processes
from infra.local.functions import process_environment
from infra.local.output import Output
from infra.local.runtime_api import (
    MAX_RESPONSE_BYTES,
    Exited,
    Failed,
    InitFailed,
    Invocation,
    Message,
    Ready,
    Responded,
    RuntimeApi,
)

if TYPE_CHECKING:
    from infra.local.functions import Function
    from infra.local.output import Line

_GRACE_S = 0.3  # Lambda's runtimes get 300 ms and more to shut down


@dataclass(frozen=True)
class Outcome:
    """What one invocation came to: `payload` or `error`, never both.

    `reusable` says whether the environment may take another event; `status` is the REPORT
    line's (`timeout`, `error`), empty when all went well.
    """

    payload: bytes | None = None
    error: dict[str, Any] | None = None
    reusable: bool = True
    status: str = ""


class Environment:
    """Starts its process at once; call `initialise`, then `invoke` any number of times."""

    def __init__(self, function: Function, python: Path) -> None:
        self.function = function
        self.log_stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{function.version}]" + (
            uuid4().hex
        )
        self.init_ms = 0.0
        self.idle_since = 0.0
        self._peak_kb = 0
        self._tmp = Path(tempfile.mkdtemp(prefix=f"{function.name[:40]}-"))
        self._api = RuntimeApi()
        self._started = time.monotonic()
        self._process = processes.start(
            [str(python), "-m", "awslambdaric", function.handler],
            cwd=function.code,
            environment=process_environment(
                function,
                python=python,
                runtime_api=self._api.address,
                log_stream=self.log_stream,
                tmp=self._tmp,
            ),
            output=subprocess.PIPE,
        )
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        self._output = Output(self._process.stdout, on_end=self._report_exit)

    def initialise(self, limit_s: float, request_id: str) -> Outcome | None:
        """Wait until the runtime asks for an event.

        None when it does within `limit_s`, else the outcome to report (never reusable).
        """
        message = self._wait(limit_s)
        self.init_ms = (time.monotonic() - self._started) * 1000
        match message:
            case Ready():
                return None
            case InitFailed(error):
                return Outcome(error=error, reusable=False, status="error")
            case Exited(code):
                return _exit_outcome(request_id, code)
            case _:
                processes.kill(self._process)
                return timed_out(request_id, limit_s)

    def invoke(self, event: bytes, request_id: str, limit_s: float) -> Outcome:
        """Run one event; a process that outlasts `limit_s` is killed."""
        now = time.time()
        self._api.deliver(
            Invocation(
                request_id=request_id,
                event=event,
                deadline_ms=int((now + limit_s) * 1000),
                function_arn=self.function.arn,
                trace_id=f"Root=1-{int(now):08x}-{uuid4().hex[:24]};Parent={uuid4().hex[:16]}"
                ";Sampled=0",
            )
        )
        match self._wait(limit_s):
            case Responded(payload):
                return Outcome(payload=payload)
            case Failed(error):
                return Outcome(error=error)
            case Exited(code):
                return _exit_outcome(request_id, code)
            case None:
                self._note_memory()
                processes.kill(self._process)
                return timed_out(request_id, limit_s)
            case _:
                return _TOO_LARGE

    def take_output(self) -> list[Line]:
        """What the process has written since the last call."""
        return self._output.drain()

    @property
    def peak_memory_mb(self) -> int:
        """The process's largest resident size, in MB."""
        self._note_memory()
        return max(1, self._peak_kb // 1024)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """End the process and remove its temporary folder."""
        self._api.close()
        processes.end(self._process, grace_s=_GRACE_S)
        shutil.rmtree(self._tmp, ignore_errors=True)

    def _wait(self, limit_s: float) -> Message | None:
        try:
            return self._api.messages.get(timeout=limit_s)
        except Empty:
            return None

    def _report_exit(self) -> None:
        self._api.messages.put(Exited(self._process.wait()))

    def _note_memory(self) -> None:
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                self._peak_kb = int(line.split()[1])


_TOO_LARGE = Outcome(
    error={
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        f"({MAX_RESPONSE_BYTES} bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    },
    reusable=False,
    status="error",
)


def timed_out(request_id: str, limit_s: float) -> Outcome:
    message = f"RequestId: {request_id} Error: Task timed out after {limit_s:.2f} seconds"
    return Outcome(
        error={"errorType": "Sandbox.Timedout", "errorMessage": message},
        reusable=False,
        status="timeout",
    )


def _exit_outcome(request_id: str, code: int) -> Outcome:
    if code == 0:
        reason = "Runtime exited without providing a reason"
    elif code > 0:
        reason = f"Runtime exited with error: exit status {code}"
    else:
        reason = f"Runtime exited with error: signal: {_SIGNALS.get(-code, f'signal {-code}')}"
    return Outcome(
        error={
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {request_id} Error: {reason}",
        },
        reusable=False,
        status="error",
    )


# As Lambda, which is written in Go, prints them.
_SIGNALS = {
    4: "illegal instruction",
    6: "aborted",
    8: "floating point exception",
    9: "killed",
    11: "segmentation fault",
    15: "terminated",
}
