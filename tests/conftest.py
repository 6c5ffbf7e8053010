"""Fixtures that every test folder shares."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.contract.options import pytest_addoption  # noqa: F401  a hook
from tests.stack import stack  # noqa: F401  a fixture, here so that all folders share one stack

# AWS is imported where it is used: tests/contract runs against any URL without it.
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cloud import Cloud


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the proof's scenes counted, whatever is captured and whoever ran them."""
    reports = [report for some in terminalreporter.stats.values() for report in some]
    lines = [
        value
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == "proof"
    ]
    if lines:
        terminalreporter.section("the proof")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def _api_descriptions_are_read_once() -> Iterator[None]:
    """Each botocore session reads megabytes of JSON; here there is a session in every test."""
    from botocore.loaders import JSONFileLoader, Loader, create_loader

    with pytest.MonkeyPatch.context() as patch:
        read = cache(JSONFileLoader().load_file)
        patch.setattr(JSONFileLoader, "load_file", staticmethod(read))
        listed = cache(create_loader().list_available_services)
        patch.setattr(Loader, "list_available_services", staticmethod(listed))
        yield


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A fresh account in the process."""
    from moto import mock_aws

    from tests.cloud import make_cloud

    with mock_aws():
        yield make_cloud(monkeypatch)
