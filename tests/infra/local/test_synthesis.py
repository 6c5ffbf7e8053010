"""Synthesis is done once per set of sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.local.errors import NodeMissing, SynthesisFailed
from infra.local.synthesis import source_key, synthesize

if TYPE_CHECKING:
    from pathlib import Path

APP = """
import os, pathlib
out = pathlib.Path(os.environ["CDK_OUTDIR"])
out.mkdir()
(out / "manifest.json").write_text("{}")
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "app.py").write_text(APP)
    (tmp_path / "functions").mkdir()
    return tmp_path


def test_it_is_done_anew_only_when_a_source_changes(root: Path):
    home = root / "home"
    made = [synthesize(root, home)[1], synthesize(root, home)[1]]
    (root / "functions" / "handler.py").write_text("x")
    assert [*made, synthesize(root, home)[1]] == [True, False, True]


def test_bytecode_and_the_local_stack_are_no_sources(root: Path):
    before = source_key(root)
    for name in ("__pycache__/x.pyc", "local/server.py"):
        path = root / "infra" / name
        path.parent.mkdir()
        path.write_text("x")
    assert source_key(root) == before


def test_a_missing_node_is_told(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(root))
    with pytest.raises(NodeMissing, match="Node 20 or later"):
        synthesize(root, root / "home")


def test_a_kept_assembly_needs_no_node(root: Path, monkeypatch: pytest.MonkeyPatch):
    synthesize(root, root / "home")
    monkeypatch.setenv("PATH", str(root))
    assert synthesize(root, root / "home")[1] is False


def test_a_failure_is_one_line(root: Path):
    (root / "infra" / "app.py").write_text("raise ValueError('memory: expected 128 to 10240')")
    with pytest.raises(SynthesisFailed, match="memory: expected 128 to 10240") as error:
        synthesize(root, root / "home")
    assert "\n" not in str(error.value)
