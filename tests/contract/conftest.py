"""The server under test, and what makes each check's id one that pytest can select by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .discovery import Catalogue
from .identifiers import IDS, id_of
from .options import pytest_addoption  # noqa: F401  a hook, where this folder is an argument
from .server import Server
from .transport import UrlTransport

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure(config: pytest.Config) -> None:
    """Each id is a marker: `-m I3`."""
    for name, meaning in IDS.items():
        config.addinivalue_line("markers", f"{name}: contract, {meaning}")


def pytest_itemcollected(item: pytest.Item) -> None:
    """A check is marked with the id in its name."""
    if item.path.is_relative_to(Path(__file__).parent):
        item.add_marker(id_of(item.name))


@pytest.fixture(scope="session", autouse=True)
def _api_descriptions_are_read_once() -> None:
    """Stands before the fixture of this name above: against a URL there is no botocore."""


# Not of the session: the account must be gone when the tests of other folders make theirs.
@pytest.fixture(scope="package")
def server(request: pytest.FixtureRequest, tmp_path_factory) -> Iterator[Server]:
    """The server at `--base-url`; ours, in the process, without one."""
    if url := request.config.getoption("base_url"):
        named = tuple(request.config.getoption("model"))
        transport = UrlTransport(url)
        yield Server(transport, key=request.config.getoption("api_key"), named=named)
        transport.close()
        return
    from .account import serving

    with serving(tmp_path_factory.mktemp("models")) as ours:
        yield ours


@pytest.fixture(scope="package")
def catalogue(server: Server) -> Catalogue:
    """The server's models by kind."""
    return Catalogue(server)
