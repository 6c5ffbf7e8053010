"""Addresses, keys and metrics of training jobs."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from infra.local.job_data import JobFailed, relative_path, split_uri
from infra.local.job_document import metric_values
from infra.local.output import Line


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("s3://bucket/a/b", ("bucket", "a/b")),
        ("s3://bucket", ("bucket", "")),
        ("https://s3.us-east-1.amazonaws.com/bucket/a/b", ("bucket", "a/b")),
    ],
)
def test_an_address_is_split(uri: str, parts: tuple[str, str]):
    assert split_uri(uri) == parts


@pytest.mark.parametrize(
    ("key", "prefix", "path"),
    [
        ("data/a/b.csv", "data/", "a/b.csv"),
        ("data/a/b.csv", "data", "a/b.csv"),
        ("data/a.zip", "data/a.zip", "a.zip"),
        ("data/part-1.csv", "data/part", "part-1.csv"),
        ("part-1.csv", "part", "part-1.csv"),
        ("a.csv", "", "a.csv"),
    ],
)
def test_a_key_is_placed_below_its_prefix(key: str, prefix: str, path: str):
    assert relative_path(key, prefix) == PurePosixPath(path)


def test_a_key_cannot_leave_the_channel():
    with pytest.raises(JobFailed, match="leaves"):
        relative_path("data/../../x", "data/")


def test_metrics_are_found_by_their_expressions():
    lines = [Line(1000, "loss=0.5 loss=0.4"), Line(2000, "loss=none")]
    definitions = [{"Name": "loss", "Regex": r"loss=(\S+)"}]
    assert metric_values(lines, definitions) == [("loss", 0.5, 1.0), ("loss", 0.4, 1.0)]
