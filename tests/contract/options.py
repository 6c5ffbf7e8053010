"""The suite's options; any conftest from here upwards may offer them, whichever comes first."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Registers the options, unless a conftest above has."""
    group = parser.getgroup("contract", "conformance suite of the Open Inference Protocol")
    with suppress(ValueError):
        group.addoption(
            "--base-url", metavar="URL", help="server to check (default: ours, in the process)"
        )
        group.addoption("--api-key", metavar="KEY", help="sent as `Authorization: Bearer KEY`")
        group.addoption(
            "--model",
            action="append",
            default=[],
            metavar="NAME",
            help="a model to check with; may be repeated (default: what the server lists)",
        )
