"""Which environment runs an event: one per event in flight, the last used one first."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from infra.local.environment import Environment, Outcome, timed_out
from infra.local.output import Line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from infra.local.functions import Function

INIT_LIMIT_S = 10.0  # of Lambda
IDLE_LIMIT_S = 300.0
_REAP_EVERY_S = 5.0


@dataclass(frozen=True)
class Execution:
    """One invocation as it is reported: its outcome, log stream and log lines."""

    payload: bytes | None
    error: dict[str, Any] | None
    log_stream: str
    log: tuple[Line, ...]


class Pool:
    """The environments of one version of a function."""

    def __init__(self, function: Function, python: Path) -> None:
        self.function = function
        self._python = python
        self._idle: list[Environment] = []
        self._lock = threading.Lock()
        self._closed = False
        self._live = 0

    def invoke(self, event: bytes, request_id: str) -> Execution:
        """Run one event, in a new environment if all are busy."""
        environment = self._take()
        if environment is not None:
            return self._run(environment, event, request_id, head=[], init=False)
        environment, head, outcome, spent_s = self._initialise(request_id)
        if outcome is None:
            return self._run(environment, event, request_id, head=head, init=True, spent_s=spent_s)
        self._put_back(environment, reusable=False)
        log = [
            *head,
            *environment.take_output(),
            _line(f"START RequestId: {request_id} Version: {self.function.version}"),
            *_end_lines(environment, request_id, spent_s * 1000, outcome, init=False),
        ]
        return Execution(None, outcome.error, environment.log_stream, tuple(log))

    def reap(self, now: float, idle_s: float = IDLE_LIMIT_S) -> None:
        """Close environments that have had no event for `idle_s`, and dead ones."""
        with self._lock:
            stale = [e for e in self._idle if now - e.idle_since > idle_s or not e.alive]
            self._idle = [e for e in self._idle if e not in stale]
            self._live -= len(stale)
        for environment in stale:
            environment.close()

    def close(self) -> None:
        """Close idle environments now, and busy ones when their event is done."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            self._live -= len(idle)
        for environment in idle:
            environment.close()

    @property
    def size(self) -> int:
        return self._live

    def _take(self) -> Environment | None:
        with self._lock:
            while self._idle:
                environment = self._idle.pop()
                if environment.alive:
                    return environment
                self._live -= 1
                environment.close()
            self._live += 1
        return None

    def _initialise(self, request_id: str) -> tuple[Environment, list[Line], Outcome | None, float]:
        """A new environment; if its initialisation takes too long, one more attempt.

        Lambda gives the second attempt the function's own time-out, and counts its time to the
        invocation, which is the last value returned.
        """
        environment = self._launch()
        outcome = environment.initialise(INIT_LIMIT_S, request_id)
        if outcome is None or outcome.status != "timeout":
            return environment, [], outcome, 0.0
        head = [*environment.take_output(), _init_timeout(environment)]
        environment.close()
        begin = time.monotonic()
        environment = self._launch()
        outcome = environment.initialise(self.function.timeout_s, request_id)
        return environment, head, outcome, time.monotonic() - begin

    def _launch(self) -> Environment:
        try:
            return Environment(self.function, self._python)
        except BaseException:
            with self._lock:
                self._live -= 1
            raise

    def _run(
        self,
        environment: Environment,
        event: bytes,
        request_id: str,
        *,
        head: list[Line],
        init: bool,
        spent_s: float = 0.0,
    ) -> Execution:
        log = [*head, *environment.take_output()]
        log.append(_line(f"START RequestId: {request_id} Version: {self.function.version}"))
        begin = time.monotonic()
        left_s = self.function.timeout_s - spent_s
        outcome = environment.invoke(event, request_id, max(left_s, 0.001))
        if outcome.status == "timeout":  # the message names the whole time-out
            outcome = replace(outcome, error=timed_out(request_id, self.function.timeout_s).error)
        took_ms = (time.monotonic() - begin + spent_s) * 1000
        log += environment.take_output()
        log += _end_lines(environment, request_id, took_ms, outcome, init=init)
        self._put_back(environment, reusable=outcome.reusable)
        return Execution(outcome.payload, outcome.error, environment.log_stream, tuple(log))

    def _put_back(self, environment: Environment, *, reusable: bool) -> None:
        environment.idle_since = time.monotonic()
        with self._lock:
            keep = reusable and not self._closed
            if keep:
                self._idle.append(environment)
            else:
                self._live -= 1
        if not keep:
            environment.close()


class FleetClosed(Exception):
    """The server is going down; no more events are run."""


class Fleet:
    """The pools of all functions; a changed function gets a new pool."""

    def __init__(self, python: Path) -> None:
        self._python = python
        self._pools: dict[tuple[str, str], Pool] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        threading.Thread(target=self._reap, name="environment-reaper", daemon=True).start()

    def invoke(self, function: Function, event: bytes, request_id: str) -> Execution:
        """Run one event of `function`; see `Pool.invoke`."""
        return self._pool(function).invoke(event, request_id)

    def close(self) -> None:
        """End every environment."""
        self._closing.set()
        with self._lock:
            pools = list(self._pools.values())
            self._pools.clear()
        _each(pools, Pool.close)

    def _pool(self, function: Function) -> Pool:
        key = (function.arn, function.version)
        if self._closing.is_set():
            raise FleetClosed(function.name)
        with self._lock:
            old = self._pools.get(key)
            if old is not None and old.function == function:
                return old
            new = self._pools[key] = Pool(function, self._python)
        if old is not None:
            old.close()
        return new

    def _reap(self) -> None:
        while not self._closing.wait(_REAP_EVERY_S):
            with self._lock:
                pools = list(self._pools.values())
            for pool in pools:
                pool.reap(time.monotonic())


def _each(pools: list[Pool], action: Callable[[Pool], None]) -> None:
    threads = [threading.Thread(target=action, args=(pool,)) for pool in pools]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _end_lines(
    environment: Environment, request_id: str, took_ms: float, outcome: Outcome, *, init: bool
) -> list[Line]:
    """What Lambda writes after an event: the reason of a failure, END and REPORT."""
    lines = []
    message = (outcome.error or {}).get("errorMessage", "")
    if outcome.status == "timeout":
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        limit_s = environment.function.timeout_s
        lines.append(f"{stamp}.000Z {request_id} Task timed out after {limit_s:.2f} seconds")
    elif not outcome.reusable:
        lines += [str(message), str((outcome.error or {}).get("errorType", ""))]
    billed_ms = math.ceil(took_ms + (environment.init_ms if init else 0))
    report = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {took_ms:.2f} ms",
        f"Billed Duration: {billed_ms} ms",
        f"Memory Size: {environment.function.memory_mb} MB",
        f"Max Memory Used: {environment.peak_memory_mb} MB",
    ]
    if init:
        report.append(f"Init Duration: {environment.init_ms:.2f} ms")
    if outcome.status:
        report.append(f"Status: {outcome.status}")
    return [_line(text) for text in (*lines, f"END RequestId: {request_id}", "\t".join(report))]


def _init_timeout(environment: Environment) -> Line:
    return _line(
        f"INIT_REPORT Init Duration: {environment.init_ms:.2f} ms\tPhase: init\tStatus: timeout"
    )


def _line(text: str) -> Line:
    return Line(time.time_ns() // 1_000_000, text)
