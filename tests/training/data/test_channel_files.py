"""A channel's files are told of as sha256sum would."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

from training.data.channel_files import MOST_NAMED, channel_files, files_lineage, listing

if TYPE_CHECKING:
    from pathlib import Path


def test_each_file_by_path_size_and_digest(tmp_path: Path):
    (tmp_path / "b.csv").write_bytes(b"a,b\n1,2\n")
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "1.png").write_bytes(b"")
    digest, empty = (hashlib.sha256(content).hexdigest() for content in (b"a,b\n1,2\n", b""))
    files = channel_files(tmp_path)
    assert files_lineage(files)["files"] == [
        {"path": "b.csv", "size": 8, "sha256": digest},
        {"path": "cats/1.png", "size": 0, "sha256": empty},
    ]
    channel = files_lineage(files)["channel"]
    assert (channel["files"], channel["bytes"]) == (2, 8)
    check = ["sha256sum", "--check", "--strict"]
    subprocess.run(check, cwd=tmp_path, input=listing(files), check=True, capture_output=True)


def test_linked_channel_and_no_channel(tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_bytes(b"a")
    (tmp_path / "training").symlink_to(tmp_path / "data")
    assert channel_files(tmp_path / "training") == channel_files(tmp_path / "data")
    assert files_lineage(channel_files(None)) == {}


def test_many_files_are_told_of_by_their_listing(tmp_path: Path):
    for number in range(MOST_NAMED + 1):
        (tmp_path / f"{number:03}.txt").write_text(f"{number}")
    files = channel_files(tmp_path)
    before = files_lineage(files)
    assert before["files"] == []
    assert before["channel"]["files"] == len(files) == MOST_NAMED + 1
    assert before["channel"]["sha256"] == hashlib.sha256(listing(files)).hexdigest()
    (tmp_path / "000.txt").write_text("!")
    assert files_lineage(channel_files(tmp_path))["channel"] != before["channel"]
