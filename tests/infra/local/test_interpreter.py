"""Which Python runs the functions."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from infra.local.errors import RuntimeUnavailable
from infra.local.interpreter import LAMBDA_VERSION, OVERRIDE, Interpreter, find_interpreter


def test_a_named_interpreter_wins(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(OVERRIDE, sys.executable)
    assert find_interpreter().python == Path(sys.executable)


def test_a_named_interpreter_that_does_not_run_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(OVERRIDE, "/nonexistent/python")
    with pytest.raises(RuntimeUnavailable, match=OVERRIDE):
        find_interpreter()


def test_without_the_functions_version_the_host_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name in ("PATH", "PYENV_ROOT", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    version = "{}.{}".format(*sys.version_info[:2])
    assert find_interpreter() == Interpreter(Path(sys.executable), version)


def test_a_replaced_layer_is_told():
    assert "compiled layer is replaced" in Interpreter(Path("python"), "3.11").description
    if sys.platform == "linux":
        assert Interpreter(Path("python"), LAMBDA_VERSION).version == LAMBDA_VERSION
