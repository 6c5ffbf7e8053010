"""Functions under the real runtime client, without MiniStack."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from infra.local import execution
from infra.local.execution import Execution, Fleet, Pool
from infra.local.functions import Function

if TYPE_CHECKING:
    from infra.local.interpreter import Interpreter

SOURCE = """
import os, time
CALLS = 0
def handler(event, context):
    global CALLS
    CALLS += 1
    match event.get("do"):
        case "raise": raise ValueError("boo")
        case "sleep": time.sleep(event.get("s", 30))
        case "exit": os._exit(3)
        case "kill": os.kill(os.getpid(), 9)
        case "large": return "x" * 7_000_000
        case "print": print("line one\\nline two", end="")
        case "environment": return dict(os.environ)
        case "modules":
            import importlib.util
            names = ("boto3", "awslambdaric", "numpy", "infermeter", "onnxruntime")
            return [name for name in names if importlib.util.find_spec(name)]
        case "context":
            return [context.aws_request_id, context.function_name, context.memory_limit_in_mb,
                    context.get_remaining_time_in_millis(), context.invoked_function_arn]
    return {"pid": os.getpid(), "calls": CALLS}
"""


@pytest.fixture
def function(tmp_path: Path) -> Function:
    (tmp_path / "app.py").write_text(SOURCE)
    return Function(
        arn="arn:aws:lambda:us-east-1:000000000000:function:f",
        name="f",
        version="$LATEST",
        handler="app.handler",
        runtime="python3.13",
        code=tmp_path,
        layers=(),
        memory_mb=128,
        timeout_s=3.0,
        log_group="/aws/lambda/f",
        region="us-east-1",
        environment={"COLOUR": "blue", "AWS_LAMBDA_FUNCTION_NAME": "forged"},
    )


@pytest.fixture
def fleet(runtime: Interpreter):
    fleet = Fleet(runtime.python)
    yield fleet
    fleet.close()


def run(fleet: Fleet, function: Function, **event: object) -> Execution:
    return fleet.invoke(function, json.dumps(event).encode(), str(uuid4()))


def answer(execution: Execution):
    assert execution.payload is not None, execution.error
    return json.loads(execution.payload)


def texts(execution: Execution) -> str:
    return "\n".join(line.text for line in execution.log)


def test_an_environment_is_reused(fleet: Fleet, function: Function):
    first, second = answer(run(fleet, function)), answer(run(fleet, function))
    assert second == {"pid": first["pid"], "calls": 2}


def test_concurrent_events_have_environments_of_their_own(fleet: Fleet, function: Function):
    answers: list[dict[str, int]] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(answer(run(fleet, function, do="sleep", s=1)))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({item["pid"] for item in answers}) == 2


def test_a_changed_configuration_gets_a_new_environment(fleet: Fleet, function: Function):
    first = answer(run(fleet, function))
    changed = replace(function, environment={"COLOUR": "red"})
    assert answer(run(fleet, changed))["pid"] != first["pid"]


def test_an_exception_is_reported_as_lambda_does(fleet: Fleet, function: Function):
    error = run(fleet, function, do="raise").error
    assert error is not None
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "boo")
    assert "stackTrace" in error


def test_an_exception_leaves_the_environment_alive(fleet: Fleet, function: Function):
    first = answer(run(fleet, function))
    run(fleet, function, do="raise")
    assert answer(run(fleet, function))["pid"] == first["pid"]


def test_a_time_out_kills_the_environment(fleet: Fleet, function: Function):
    first = answer(run(fleet, replace(function, timeout_s=1.0)))
    execution = run(fleet, replace(function, timeout_s=1.0), do="sleep")
    assert execution.error is not None
    assert execution.error["errorType"] == "Sandbox.Timedout"
    assert execution.error["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert "Task timed out after 1.00 seconds" in texts(execution)
    assert not Path(f"/proc/{first['pid']}").exists()


@pytest.mark.parametrize(("do", "reason"), [("exit", "exit status 3"), ("kill", "signal: killed")])
def test_a_crash_is_an_exit_error(fleet: Fleet, function: Function, do: str, reason: str):
    error = run(fleet, function, do=do).error
    assert error is not None
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith(f"Error: Runtime exited with error: {reason}")


def test_after_a_crash_the_next_event_has_a_new_environment(fleet: Fleet, function: Function):
    run(fleet, function, do="exit")
    assert answer(run(fleet, function))["calls"] == 1


def test_a_response_over_6_mb_is_refused(fleet: Fleet, function: Function):
    error = run(fleet, function, do="large").error
    assert error is not None
    assert error["errorType"] == "Function.ResponseSizeTooLarge"
    assert "6291556 bytes" in error["errorMessage"]


def test_a_module_that_cannot_be_imported_is_an_init_error(fleet: Fleet, function: Function):
    execution = run(fleet, replace(function, handler="absent.handler"))
    assert execution.error is not None
    assert execution.error["errorType"] == "Runtime.ImportModuleError"


def test_a_slow_initialisation_is_tried_again_within_the_time_out(
    fleet: Fleet, function: Function, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(execution, "INIT_LIMIT_S", 0.01)
    result = run(fleet, function)
    assert answer(result)["calls"] == 1
    assert "INIT_REPORT" in texts(result)
    assert "Status: timeout" in texts(result)


def test_the_first_event_reports_its_initialisation(fleet: Fleet, function: Function):
    first, second = run(fleet, function), run(fleet, function)
    assert "Init Duration:" in texts(first)
    assert "Init Duration:" not in texts(second)


def test_the_log_has_what_the_function_prints_between_start_and_end(
    fleet: Fleet, function: Function
):
    lines = [line.text for line in run(fleet, function, do="print").log]
    assert lines[0].startswith("START RequestId: ")
    assert lines[1:3] == ["line one", "line two"]
    assert lines[3].startswith("END RequestId: ")
    assert lines[4].startswith("REPORT RequestId: ")


def test_the_context_is_the_invocations(fleet: Fleet, function: Function):
    request_id = str(uuid4())
    execution = fleet.invoke(function, b'{"do": "context"}', request_id)
    seen, name, memory, left_ms, arn = answer(execution)
    assert (seen, name, memory, arn) == (request_id, "f", "128", function.arn)
    assert 0 < left_ms <= 3000


def test_reserved_variables_win_over_the_functions(fleet: Fleet, function: Function):
    variables = answer(run(fleet, function, do="environment"))
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "f"
    assert variables["COLOUR"] == "blue"


def test_the_runtime_holds_what_lambda_has_and_no_more(fleet: Fleet, function: Function):
    assert answer(run(fleet, function, do="modules")) == ["boto3", "awslambdaric"]


def test_each_environment_has_a_temporary_folder_that_goes_with_it(
    runtime: Interpreter, function: Function
):
    pool = Pool(function, runtime.python)
    folder = Path(answer(pool.invoke(b'{"do": "environment"}', "r"))["TMPDIR"])
    assert folder.is_dir()
    pool.close()
    assert not folder.exists()


def test_idle_environments_are_reaped(runtime: Interpreter, function: Function):
    pool = Pool(function, runtime.python)
    pool.invoke(b"{}", "r")
    pool.reap(now=float("inf"))
    assert pool.size == 0


def test_a_later_layer_wins(fleet: Fleet, function: Function, tmp_path: Path):
    for name in ("one", "two"):
        (tmp_path / name / "python").mkdir(parents=True)
        (tmp_path / name / "python" / "which.py").write_text(f"NAME = {name!r}")
    (tmp_path / "layered.py").write_text(
        "import which\ndef handler(event, context): return which.NAME"
    )
    layers = (tmp_path / "one", tmp_path / "two")
    assert answer(run(fleet, replace(function, handler="layered.handler", layers=layers))) == "two"


def test_snap_start_hooks_run(fleet: Fleet, function: Function, tmp_path: Path):
    (tmp_path / "snap.py").write_text(
        "from snapshot_restore_py import register_before_snapshot, register_after_restore\n"
        "RAN = []\n"
        "register_before_snapshot(lambda: RAN.append('before'))\n"
        "register_after_restore(lambda: RAN.append('after'))\n"
        "def handler(event, context): return RAN\n"
    )
    snap = replace(function, handler="snap.handler", snap_start=True, version="1")
    assert answer(run(fleet, snap)) == ["before", "after"]
