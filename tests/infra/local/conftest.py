"""One function runtime and one server for the whole session."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.local import stack, state
from infra.local.credentials import local_session
from infra.local.deployment import Deployment
from infra.local.interpreter import Interpreter, build_runtime, find_interpreter
from tests.infra.local.running import Local
from tests.infra.local.stacks import write_assembly

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def runtime() -> Interpreter:
    return build_runtime(state.ROOT, find_interpreter(), lambda _: None)


@pytest.fixture(scope="session")
def local(runtime: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    home = Path(tempfile.mkdtemp(prefix="local-stack-"))
    assembly = write_assembly(tmp_path_factory.mktemp("assembly"))
    record = stack._launch(home, stack._free_port(), lambda _: None)
    try:
        outputs = Deployment(local_session(), record.endpoint, lambda _: None).run(assembly)
        record = replace(record, ready=True, outputs=outputs)
        state.save(home, record)
        yield Local(home, record, assembly)
    finally:
        stack._end(record)
        shutil.rmtree(home, ignore_errors=True)
