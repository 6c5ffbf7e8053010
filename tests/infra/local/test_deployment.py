"""Deployments of assemblies to the local CloudFormation."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from infra.local.assembly import fingerprint, read_assembly, zip_folder
from infra.local.credentials import local_session
from infra.local.deployment import Deployment
from infra.local.errors import DeploymentFailed
from tests.infra.local.stacks import write_assembly

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.local.running import Local


RULE = {"Status": "Enabled", "Transitions": []}
BROKEN = {
    "Resources": {
        "Broken": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"LifecycleConfiguration": {"Rules": [RULE]}},
        }
    }
}


def deploy(local: Local, assembly: Path) -> dict[str, str]:
    return Deployment(local_session(), local.record.endpoint, lambda _: None).run(assembly)


def write_stack(folder: Path, name: str, template: dict[str, object]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "t.json").write_text(json.dumps(template))
    artifact = {
        "type": "aws:cloudformation:stack",
        "properties": {"templateFile": "t.json", "stackName": name},
    }
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {name: artifact}}))
    return folder


def queues(name: str, **properties: object) -> dict[str, object]:
    return {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": properties}},
        "Outputs": {"Name": {"Value": name}},
    }


def test_stacks_come_after_those_they_depend_on(tmp_path: Path):
    assembly = write_assembly(tmp_path)
    assert [stack.name for stack in read_assembly(assembly)] == ["test-base", "test-service"]


def test_an_asset_has_the_same_bytes_whenever_it_is_zipped(tmp_path: Path):
    (tmp_path / "b.py").write_text("b")
    (tmp_path / "a.py").write_text("a")
    first = zip_folder(tmp_path)
    (tmp_path / "a.py").touch()
    assert zip_folder(tmp_path) == first


def test_the_fingerprint_changes_with_the_template(tmp_path: Path):
    assembly = write_assembly(tmp_path)
    first = fingerprint(assembly)
    (assembly / "base.template.json").write_text("{}")
    assert fingerprint(assembly) != first


def test_the_outputs_of_all_stacks_are_merged_without_their_exports(local: Local):
    assert {"Table", "ApiUrl", "Machine"} <= set(local.outputs)
    assert "Exported" not in local.outputs


def test_deploying_again_without_a_change_succeeds(local: Local):
    assert deploy(local, local.assembly) == local.outputs


def test_an_update_changes_what_changed(local: Local, tmp_path: Path):
    deploy(local, write_stack(tmp_path, "up", queues("one", DelaySeconds=1)))
    outputs = deploy(local, write_stack(tmp_path, "up", queues("two", DelaySeconds=2)))
    assert outputs == {"Name": "two"}


def test_a_failure_names_the_first_resource_and_its_reason(local: Local, tmp_path: Path):
    with pytest.raises(DeploymentFailed, match=r"bad: Broken: .*Transitions"):
        deploy(local, write_stack(tmp_path, "bad", BROKEN))


def test_a_change_set_that_fails_names_its_reason(local: Local, tmp_path: Path):
    taken = {"BucketName": local.outputs["Bucket"]}
    template = {"Resources": {"Taken": {"Type": "AWS::S3::Bucket", "Properties": taken}}}
    with pytest.raises(DeploymentFailed, match="already exists"):
        deploy(local, write_stack(tmp_path, "taken", template))


def test_a_stack_whose_creation_failed_can_be_deployed_again(local: Local, tmp_path: Path):
    with pytest.raises(DeploymentFailed):
        deploy(local, write_stack(tmp_path, "again", BROKEN))
    assert deploy(local, write_stack(tmp_path, "again", queues("fine"))) == {"Name": "fine"}


def test_new_code_is_used_after_an_update(local: Local, tmp_path: Path):
    def assembly(version: str) -> Path:
        folder = tmp_path / version
        code = folder / "code"
        code.mkdir(parents=True)
        (code / "app.py").write_text(f"def handler(event, context): return {version!r}")
        function = {
            "Code": {"S3Bucket": "code-bucket", "S3Key": f"{version}.zip"},
            "Handler": "app.handler",
            "Runtime": "python3.13",
            "Role": "arn:aws:iam::000000000000:role/r",
        }
        resources = {"F": {"Type": "AWS::Lambda::Function", "Properties": function}}
        outputs = {"Name": {"Value": {"Ref": "F"}}}
        write_stack(folder, "code", {"Resources": resources, "Outputs": outputs})
        bucket = "code-bucket"
        client = local.client("s3")
        client.create_bucket(Bucket=bucket)
        client.put_object(Bucket=bucket, Key=f"{version}.zip", Body=zip_folder(code))
        shutil.rmtree(code)
        return folder

    client = local.client("lambda")
    for version in ("one", "two"):
        name = deploy(local, assembly(version))["Name"]
        answer = client.invoke(FunctionName=name)
        assert json.loads(answer["Payload"].read()) == version
