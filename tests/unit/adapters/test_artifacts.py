"""Model files in S3 and in folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infermeter.adapters.artifacts import FolderArtifact, S3Artifact, S3ModelFiles
from infermeter.errors import ModelUnavailable, StoreUnavailable, VerificationFailed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cloud import Cloud


@pytest.fixture
def files(cloud: Cloud) -> S3ModelFiles:
    return cloud.wiring.model_files


def test_a_published_file_reads_back(files: S3ModelFiles) -> None:
    files.write("models/m/1/", "a/b", b"content")
    assert files.read("models/m/1/", "a/b") == b"content"


def test_a_published_file_is_never_overwritten(files: S3ModelFiles) -> None:
    files.write("models/m/1/", "a", b"first")
    with pytest.raises(StoreUnavailable, match="PreconditionFailed"):
        files.write("models/m/1/", "a", b"second")
    assert files.read("models/m/1/", "a") == b"first"


def test_a_file_that_is_not_there_is_unavailable(files: S3ModelFiles) -> None:
    with pytest.raises(ModelUnavailable, match="models/m/1/a"):
        files.read("models/m/1/", "a")


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_artefact_is_read_below_its_prefix(cloud: Cloud, slash: str) -> None:
    s3, bucket = cloud.wiring.clients.s3(), cloud.resources.training_bucket
    s3.put_object(Bucket=bucket, Key="jobs/j/model/a", Body=b"content")
    assert S3Artifact(s3, f"s3://{bucket}/jobs/j/model{slash}").read("a") == b"content"


def test_an_artefact_without_the_file_is_refused(cloud: Cloud) -> None:
    artifact = S3Artifact(cloud.wiring.clients.s3(), "s3://test-training/jobs/")
    with pytest.raises(VerificationFailed, match="expected 'a' below s3://test-training/jobs/"):
        artifact.read("a")


@pytest.mark.parametrize("uri", ["", "jobs/j", "s3://", "s3:///jobs", "https://x/y"])
def test_what_is_no_place_in_s3_is_refused(cloud: Cloud, uri: str) -> None:
    with pytest.raises(VerificationFailed, match="expected s3://bucket/prefix/"):
        S3Artifact(cloud.wiring.clients.s3(), uri)


def test_a_folders_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    assert FolderArtifact(tmp_path).read("a") == b"content"


def test_a_folder_without_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerificationFailed, match="expected 'a'"):
        FolderArtifact(tmp_path).read("a")
