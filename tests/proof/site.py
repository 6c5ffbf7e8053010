"""The deployed functions over an account in memory: each call of one is a fresh process."""

from __future__ import annotations

import io
import time
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, fields, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from infermeter.adapters.artifacts import FolderArtifact
from infermeter.adapters.clients import Clients
from infermeter.engine.onnx import OnnxRuntime
from infermeter.manifest import MODEL_FILE
from infermeter.wiring.operator import OperatorWiring
from infermeter.wiring.resources import Resources
from infermeter.wiring.stores import Stores
from tests.cloud import ROOT, Context
from tests.models import BIAS, linear, linear_manifest, write_artifact
from tests.proof.account import Account
from tests.proof.faults import CALM, Died, Faults
from tests.proof.schedules import Chooser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import CodeType

    import pytest

    from infermeter.tenants.keys import Key

NOW = 1_790_000_000.0
RESOURCES = Resources(
    **{field.name: field.name.removesuffix("_table") for field in fields(Resources)}
)
TENANT, MODEL = "acme", "linear"


@dataclass
class Clock:
    """Everybody's clock."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


class _Nowhere(io.RawIOBase):
    """Where log lines go."""

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        return len(content)


class _Sessions:
    """Loads what has not been loaded before."""

    def __init__(self, runtime: OnnxRuntime) -> None:
        self._load = runtime.load
        self._loaded: dict[bytes, Any] = {}

    def load(self, files: Mapping[str, bytes]) -> Any:
        content = files[MODEL_FILE]
        if content not in self._loaded:
            self._loaded[content] = self._load(files)
        return self._loaded[content]


class Site:
    """What was deployed, as it was before the first request: `account` is to be copied."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.clock = Clock()
        self._monkeypatch = monkeypatch
        self._code: dict[str, CodeType] = {}
        self._log = io.TextIOWrapper(io.BufferedWriter(_Nowhere()))
        monkeypatch.setattr(time, "time", self.clock)
        for name, value in _environment().items():
            monkeypatch.setenv(name, value)
        # `Stores` took the system's clock, and makes its own clients, where it is given none.
        self._defaults = Stores.__init__.__kwdefaults__
        assert {"clients", "clock"} <= self._defaults.keys()
        monkeypatch.setitem(self._defaults, "clock", self.clock)
        monkeypatch.setitem(self._defaults, "clients", None)
        # The same bytes make the same session: made once, it is found again by every process.
        monkeypatch.setattr(OnnxRuntime, "load", _Sessions(OnnxRuntime(1024)).load)
        self.account = Account(self.clock, secrets={RESOURCES.pepper_secret: "p" * 64})
        self.wiring = self.operator(self.account)
        self.current = self.account, Faults(Chooser(), CALM)
        self.key: Key = self.wiring.key_administration.create(TENANT)
        self._folder = folder

    def operator(self, account: Account) -> OperatorWiring:
        """The operator's own hands on an account, in fair weather."""
        faults = Faults(Chooser(), CALM, "operator")
        return OperatorWiring(RESOURCES, clients=Clients(faults.clients(account)), clock=self.clock)

    def publish(self, number: int, **changes: Any) -> str:
        """Publishes a linear model, and points `prod` at it; its version."""
        bias = BIAS + np.float32(number)
        manifest = replace(linear_manifest(bias=bias), **changes)
        folder = write_artifact(self._folder / str(number), linear(bias), manifest)
        version = self.wiring.publisher.publish(FolderArtifact(folder))
        self.wiring.publisher.promote(version.model, version.version, "prod")
        return version.version

    def move(self, account: Account, version: str) -> None:
        """Points `prod` at another version."""
        self.operator(account).publisher.promote(MODEL, version, "prod")

    def process(self, name: str, account: Account, faults: Faults) -> ModuleType:
        """A fresh import of a handler, whose clients meet these faults. Raises Died, as it may."""
        code = self._code.get(name)
        if code is None:
            path = ROOT / "functions" / name / "handler.py"
            code = self._code[name] = compile(path.read_text(), str(path), "exec")
        module = ModuleType(f"{name}_handler")
        self.current = account, faults
        self._defaults["clients"] = Clients(faults.clients(account))
        exec(code, module.__dict__)  # noqa: S102
        return module

    def call(self, name: str, account: Account, faults: Faults, event: dict[str, Any]) -> Any:
        """A fresh process's answer to an event; None when it dies."""
        try:
            with self.quiet():
                return self.process(name, account, faults).handler(event, Context())
        except Died:
            return None

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Log lines are written, to nowhere."""
        with redirect_stdout(self._log):
            yield


def _environment() -> dict[str, str]:
    named = {
        f"INFERMETER_{field.name.upper()}": getattr(RESOURCES, field.name)
        for field in fields(Resources)
    }
    return named | {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "POWERTOOLS_SERVICE_NAME": "proof",
        "POWERTOOLS_METRICS_NAMESPACE": "infermeter",
        "POWERTOOLS_DEV": "false",
    }
