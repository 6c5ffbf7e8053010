"""Who imports whom, read from the source alone."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CORE = "layers/core/python/infermeter"


@dataclass(frozen=True)
class Rule:
    """Files below `place` may (if `only`) or may not import what starts with one of `names`."""

    place: str
    names: tuple[str, ...]
    only: bool = False
    except_in: tuple[str, ...] = ()

    def breaks(self, path: str, module: str) -> bool:
        """Whether this file must not import this module."""
        if not _below(path, self.place) or any(_below(path, each) for each in self.except_in):
            return False
        return any(module == name or module.startswith(f"{name}.") for name in self.names) != (
            self.only
        )


_PURE = ("boto3", "botocore", "onnxruntime", "aws_lambda_powertools", "infermeter.adapters")

RULES = (
    *(
        Rule(f"{CORE}/{part}", _PURE)
        for part in (
            "wire",
            "tensors.py",
            "signature.py",
            "manifest.py",
            "embedding.py",
            "errors.py",
            "inference.py",
            "service.py",
            "charging.py",
            "execution.py",
            "api",
            "batch.py",
            "billing",
            "export",
            "limits",
            "metering",
            "statistics",
            "tenants",
            "transfers",
            "reconciliation",
            "registry",
            "openapi",
        )
    ),
    Rule(CORE, ("boto3", "botocore"), except_in=(f"{CORE}/adapters",)),
    Rule(CORE, ("onnxruntime",), except_in=(f"{CORE}/engine/onnx.py",)),
    Rule(CORE, ("tokenizers",), except_in=(f"{CORE}/engine/tokenizer.py",)),
    Rule(CORE, ("pydantic", "pandas", "torch", "infra", "training", "functions")),
    Rule("functions", ("infra", "training", "boto3", "botocore", "onnxruntime", "numpy", "torch")),
    Rule("training", ("infra", "functions", "boto3", "botocore")),
    Rule("infra", ("functions", "tests")),
    Rule("infra/stacks", ("infermeter", "training", "infra.cli", "infra.local")),
    Rule("infra/constructs", ("infermeter", "training", "infra.cli", "infra.local")),
    Rule("infra/local", ("infermeter", "infra.cli")),
)

# Of the core, the trainer shares what describes a model, and nothing that serves one.
SHARED_WITH_TRAINING = ("manifest", "signature", "embedding", "tensors", "errors")


def violations(root: Path) -> list[str]:
    """Each import that breaks a rule, as `path: module`."""
    found = []
    for path, module in imports(root):
        if any(rule.breaks(path, module) for rule in RULES) or _unshared(path, module):
            found.append(f"{path}: {module}")
    return found


def imports(root: Path) -> Iterator[tuple[str, str]]:
    """Every import of our code, with the file's path below the root."""
    for top in ("layers", "functions", "infra", "training"):
        for file in sorted((root / top).rglob("*.py")):
            path = file.relative_to(root).as_posix()
            if {"node_modules", "cdk.out", "build"} & set(PurePosixPath(path).parts):
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    yield from ((path, alias.name) for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield path, node.module
                    yield from ((path, f"{node.module}.{alias.name}") for alias in node.names)


def _unshared(path: str, module: str) -> bool:
    parts = module.split(".")
    return (
        _below(path, "training")
        and parts[0] == "infermeter"
        and len(parts) > 1
        and parts[1] not in SHARED_WITH_TRAINING
    )


def _below(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")
