"""What the whole handler costs over the bare `session.run`, beside FastAPI, in microseconds.

    python -m tests.bench.overhead [--rounds 20] [--only "1x10 JSON"] [--json | --profile]

Four contenders take turns on the same rows, in one process:

* run: `session.run` on an array at hand, one thread, the engine's session options.
* handler: functions/infer's, a REST proxy event in and the proxy answer out, everything included:
  authentication (cached key), routing, decoding, validation, the run, encoding, the ledger entry
  (made, but not written), the log line and the metrics (to the null device).
* FastAPI: see fastapi_server.py; an ASGI scope in and the response's messages out, with no event
  adapter, no server, no key, no meter and no log line.
* Mangum: the same application as a Lambda function, the same event in as ours.

Overhead is the median of a contender less that of `run`. Events and scopes are made outside the
clock. `--profile` prints instead what each of our functions takes within a request.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import orjson

from tests.bench import fastapi_server
from tests.bench.account import open_account
from tests.bench.blocks import Contender, race
from tests.bench.calltree import measure_calls
from tests.bench.cases import CASES, MODELS
from tests.bench.gateway import Gateway
from tests.bench.models import INPUT, OUTPUT
from tests.bench.report import microseconds, print_rows, print_table
from tests.cloud import Context

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.bench.account import Account
    from tests.bench.cases import Case

Sessions = dict[str, onnxruntime.InferenceSession]


@dataclass(frozen=True)
class Row:
    """One case's outcome. Times are in microseconds; `aws_calls` happened within the clock."""

    case: str
    body_bytes: int
    run: float
    handler: float
    handler_least: float
    fastapi: float
    fastapi_least: float
    mangum: float
    aws_calls: int
    target: float | None

    @property
    def overhead(self) -> float:
        """Ours."""
        return self.handler - self.run

    @property
    def fastapi_overhead(self) -> float:
        """FastAPI's."""
        return self.fastapi - self.run

    @property
    def mangum_overhead(self) -> float:
        """FastAPI's on Lambda, from the same event as ours."""
        return self.mangum - self.run

    def document(self) -> dict[str, Any]:
        """For programs."""
        derived = {
            "overhead": self.overhead,
            "fastapi_overhead": self.fastapi_overhead,
            "mangum_overhead": self.mangum_overhead,
        }
        return {
            name: round(value, 2) if isinstance(value, float) else value
            for name, value in (vars(self) | derived).items()
        }


def main() -> None:
    """Measures, and prints what it asked for."""
    arguments = _arguments()
    chosen = [case for case in CASES if arguments.only in (None, case.name)]
    with tempfile.TemporaryDirectory() as folder, open_account(Path(folder), MODELS) as account:
        if arguments.profile:
            tables = [(case, _profile(account, case, arguments.rounds)) for case in chosen]
        else:
            sessions = {model.name: _session(model.content) for model in MODELS}
            app = fastapi_server.make_app(sessions)
            rows = [_measure(account, app, sessions, case, arguments.rounds) for case in chosen]
    if arguments.profile:
        for case, calls in tables:
            print_table(
                f"{case.name}: our functions within a request",
                ("function", "calls", "us, callees included"),
                [(each.label, each.calls, microseconds(each.microseconds)) for each in calls],
            )
    elif arguments.json:
        print_rows(row.document() for row in rows)
    else:
        _print(rows, arguments.rounds)


def _measure(account: Account, app: FastAPI, sessions: Sessions, case: Case, rounds: int) -> Row:
    body, headers = case.body()
    session, feed = sessions[case.model.name], {INPUT: case.array}
    contenders = (
        Contender("run", lambda: None, lambda _: session.run([OUTPUT], feed)),
        _handler(account, case),
        _fastapi(app, case, headers),
        _mangum(app, case, headers),
    )
    _check_answers(case, contenders)
    before = account.calls
    race(contenders, rounds=rounds, calls=case.calls)
    run, ours, theirs, behind_mangum = contenders
    return Row(
        case=case.name,
        body_bytes=len(body),
        run=run.median_us,
        handler=ours.median_us,
        handler_least=ours.least_us,
        fastapi=theirs.median_us,
        fastapi_least=theirs.least_us,
        mangum=behind_mangum.median_us,
        aws_calls=account.calls - before,
        target=case.target_us,
    )


def _handler(account: Account, case: Case) -> Contender:
    body, headers = case.body()
    gateway = Gateway(
        f"/v2/models/{case.model.name}/infer",
        body,
        {"X-Api-Key": account.key} | headers,
        in_base64=case.in_base64,
    )
    return Contender("handler", gateway.event, account.handle)


def _fastapi(app: FastAPI, case: Case, headers: dict[str, str]) -> Contender:
    if case.binary:
        path, body = f"/raw/{case.model.name}", case.array.tobytes()
    else:
        path, body = f"/v2/models/{case.model.name}/infer", case.body()[0]
    sent = {"Host": "localhost", "Accept": "*/*", "Content-Type": "application/json"} | headers
    sent["Content-Length"] = str(len(body))
    return Contender(
        "FastAPI",
        lambda: fastapi_server.make_scope(path, sent),
        lambda scope: fastapi_server.call(app, scope, body),
    )


def _mangum(app: FastAPI, case: Case, headers: dict[str, str]) -> Contender:
    path = f"/raw/{case.model.name}" if case.binary else f"/v2/models/{case.model.name}/infer"
    body = case.array.tobytes() if case.binary else case.body()[0]
    sent = {"Content-Type": "application/json"} | headers
    gateway = Gateway(path, body, sent, in_base64=case.in_base64)
    function, context = fastapi_server.make_function(app), Context()
    return Contender("Mangum", gateway.event, lambda event: function(event, context))


def _check_answers(case: Case, contenders: tuple[Contender, ...]) -> None:
    """All must have computed the same before any of them is timed."""
    run, handler, fastapi, mangum = (each.call(each.prepare()) for each in contenders)
    answers = {"handler": _content(handler), "FastAPI": fastapi, "Mangum": _content(mangum)}
    for name, (status, answer) in answers.items():
        if status != 200:
            raise RuntimeError(f"{case.name}: expected 200, the {name} gave {answer[:300]!r}")
        if not np.allclose(_output(answer, run[0], binary=case.binary), run[0], atol=1e-6):
            raise RuntimeError(f"{case.name}: the {name} answered with other numbers than the run")


def _content(answer: dict[str, Any]) -> tuple[int, bytes]:
    """Status and body of a proxy answer."""
    content = answer["body"].encode()
    if answer["isBase64Encoded"]:
        content = base64.b64decode(content)
    if answer["headers"].get("content-encoding") == "gzip":
        content = gzip.decompress(content)
    return answer["statusCode"], content


def _output(answer: bytes, expected: np.ndarray, *, binary: bool) -> np.ndarray:
    if binary:
        return np.frombuffer(answer[-expected.nbytes :], np.float32).reshape(expected.shape)
    return np.array(orjson.loads(answer)["outputs"][0]["data"]).reshape(expected.shape)


def _profile(account: Account, case: Case, rounds: int) -> list[Any]:
    contender = _handler(account, case)
    return measure_calls(contender, account.module, calls=rounds * case.calls)


def _session(model: bytes) -> onnxruntime.InferenceSession:
    # As engine/onnx.py makes them for a function with less than two processors.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _print(rows: list[Row], rounds: int) -> None:
    print_table(
        "Overhead over session.run, in microseconds",
        (
            "request",
            "session.run",
            "ours (least)",
            "target",
            "FastAPI",
            "/ ours",
            "FastAPI, Mangum",
            "/ ours",
            "AWS calls",
        ),
        [
            (
                row.case,
                microseconds(row.run),
                f"{microseconds(row.overhead)} ({microseconds(row.handler_least - row.run)})",
                microseconds(row.target),
                microseconds(row.fastapi_overhead),
                f"{row.fastapi_overhead / row.overhead:.2f}x",
                microseconds(row.mangum_overhead),
                f"{row.mangum_overhead / row.overhead:.2f}x",
                row.aws_calls,
            )
            for row in rows
        ],
        note=(
            f"Medians of {rounds} blocks' medians, less that of session.run. FastAPI neither "
            "authenticates nor meters nor logs; behind Mangum it is given our event, else the "
            "request itself. A call to AWS is a cache's refresh, once in 30 s."
        ),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20, help="blocks per contender")
    parser.add_argument("--only", choices=[case.name for case in CASES], help="one case")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object per case")
    form.add_argument("--profile", action="store_true", help="time by function instead")
    return parser.parse_args()


if __name__ == "__main__":
    main()
