"""The site that the scenes play on, and the numbers that they end with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proof.schedules import Exploration, explore, told
from tests.proof.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three versions of a model; `prod` points at the first."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        made = Site(monkeypatch, tmp_path_factory.mktemp("models"))
        for number, unit in enumerate(("row", "row", "request")):
            made.publish(number, unit=unit)
        made.move(made.account, "1")
        yield made


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Puts a line into the report's end (tests/conftest.py), beside the test's own report."""

    def say(line: str) -> None:
        print(line)  # noqa: T201  what -s and the report's section show
        record_property("proof", line)

    return say


@pytest.fixture
def prove(tell: Callable[[str], None]) -> Callable[..., Exploration]:
    """Runs a scene along all its schedules; there must be no violation in them.

    Nor fewer of them than `at_least`: what is never reached is not proven.
    """

    def proven(name: str, *acts: Callable[..., object], at_least: int) -> Exploration:
        found = explore(name, *acts)
        tell(str(found))
        assert not found.violations, told(found.violations)
        assert found.schedules >= at_least
        return found

    return proven
