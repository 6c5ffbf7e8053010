"""The inference function over an account in the process, and what it prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functions.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cloud import Cloud


@pytest.fixture
def site(cloud: Cloud, tmp_path: Path) -> Site:
    """The inference function with the linear model published, and one key."""
    return Site(cloud, tmp_path)


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """The lines that functions have written."""
    return lambda: capsys.readouterr().out.splitlines()
