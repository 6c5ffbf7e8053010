"""Data flows one way: functions → service → engine and ledger, adapters at the edge."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cloud import ROOT
from tests.imports import imports, violations

if TYPE_CHECKING:
    from pathlib import Path

TOP_LEVEL = {
    "LICENSE",
    "Makefile",
    "README.md",
    "constraints.txt",
    "events",
    "functions",
    "infra",
    "layers",
    "pyproject.toml",
    "tests",
    "training",
}
# What would weigh on every cold start, or has no business there.
HEAVY = (
    "boto3",
    "s3transfer",
    "pydantic",
    "pandas",
    "torch",
    "requests",
    "typer",
    "rich",
    "tokenizers",
)


def test_the_tree_keeps_the_rules() -> None:
    assert violations(ROOT) == []


def test_the_whole_tree_was_read() -> None:
    read = {path for path, _ in imports(ROOT)}
    for path in (
        "layers/core/python/infermeter/service.py",
        "functions/infer/handler.py",
        "infra/app.py",
        "infra/local/stack.py",
        "training/train.py",
    ):
        assert path in read


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("layers/core/python/infermeter/wire/oip.py", "import boto3"),
        ("layers/core/python/infermeter/service.py", "from infermeter.adapters.keys import X"),
        ("layers/core/python/infermeter/api/v2.py", "def f():\n    import onnxruntime"),
        ("layers/core/python/infermeter/limits/rate.py", "import botocore.session"),
        ("layers/core/python/infermeter/tensors.py", "import pydantic"),
        ("layers/core/python/infermeter/embedding.py", "import tokenizers"),
        ("functions/infer/handler.py", "from training import recipe"),
        ("training/trainer.py", "from infermeter import service"),
        ("training/trainer.py", "from infra.local import stack"),
        ("infra/cli/main.py", "from functions.infer import handler"),
        ("infra/stacks/serving.py", "from infermeter.wiring.serving import Serving"),
    ],
)
def test_a_planted_violation_is_found(tmp_path: Path, path: str, line: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(line)
    assert violations(tmp_path)


def test_nothing_heavy_is_imported_on_the_request_path() -> None:
    program = "import sys, json, handler; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "functions" / "infer",
        env={"AWS_DEFAULT_REGION": "eu-west-1", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(HEAVY) & set(json.loads(done.stdout))


@pytest.mark.parametrize("function", ["usage", "spool", "archive", "fold"])
def test_what_follows_the_ledger_imports_nothing_that_runs_models(function: str) -> None:
    program = "import sys, json, handler; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "functions" / function,
        env={"AWS_DEFAULT_REGION": "eu-west-1", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"boto3", "numpy", "onnxruntime", "tokenizers"}
    assert not heavy & set(json.loads(done.stdout))


def test_nothing_else_lies_at_the_top() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    tops = {path.split("/")[0] for path in listed if path}
    assert {top for top in tops if not top.startswith(".")} <= TOP_LEVEL
