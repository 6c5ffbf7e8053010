"""The inference function over an account in the process, its ledger's write left out."""

from __future__ import annotations

import http.client
import os
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.client import BaseClient
from moto import mock_aws

from infermeter.adapters.artifacts import FolderArtifact
from infermeter.wiring.serving import Serving
from tests.cloud import Context, make_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.bench.cases import Model


class OpenLedger:
    """The ledger's port with nothing behind it: every id is free."""

    def put(self, entry: Any) -> None:
        """The entry stands."""


class Account:
    """A handler, a key for it, and a count of what went over a network, real or moto's."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path, models: Sequence[Model]) -> None:
        self.calls = 0
        cloud = make_cloud(patch)
        patch.setattr(Serving, "ledger", OpenLedger())
        self.key = cloud.wiring.key_administration.create("acme").text()
        publisher = cloud.wiring.publisher
        for model in models:
            version = publisher.publish(FolderArtifact(model.write(folder)))
            publisher.promote(version.model, version.version, "prod")
        self.module = cloud.function("infer")
        self._context = Context()
        for owner, name in ((BaseClient, "_make_api_call"), (http.client.HTTPConnection, "send")):
            patch.setattr(owner, name, self._counted(getattr(owner, name)))

    def handle(self, event: dict[str, Any]) -> dict[str, Any]:
        """The function's answer to an event."""
        return self.module.handler(event, self._context)

    def _counted(self, method: Any) -> Any:
        def counted(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            return method(*arguments, **named)

        return counted


@contextmanager
def open_account(folder: Path, models: Sequence[Model]) -> Iterator[Account]:
    """An account with these models; what the function logs goes to the null device."""
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        stack.enter_context(mock_aws())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        yield Account(patch, folder, models)


@contextmanager
def _quiet() -> Iterator[None]:
    # By descriptor, for whoever writes past `sys.stdout`; by line, as Lambda's runtime flushes.
    sys.stdout.flush()
    kept, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    sys.stdout.reconfigure(line_buffering=True)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(null)
