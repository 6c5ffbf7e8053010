"""Fixtures that every test folder shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from tests.cloud import Cloud, make_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A fresh account in the process."""
    with mock_aws():
        yield make_cloud(monkeypatch)
