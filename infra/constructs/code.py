"""The folders that become functions and layers."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import aws_lambda as lambda_

ROOT = Path(__file__).resolve().parents[2]

# Compiled modules are this machine's, and would give the same sources another hash.
COMPILED = ["**/__pycache__", "**/*.pyc"]


def source(folder: str) -> lambda_.AssetCode:
    """Return a folder of the repository as code, without what Python has compiled there."""
    return lambda_.Code.from_asset(str(ROOT / folder), exclude=COMPILED)
