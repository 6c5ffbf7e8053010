"""The command's contract: names, JSON shapes, and one clear line for what goes wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import urllib3

from tests.models import linear
from tests.stack import ROOT, Stack, run_command

if TYPE_CHECKING:
    from pathlib import Path


def test_status(stack: Stack) -> None:
    status = stack.json("status")
    assert status["ready"] is True
    assert status["url"] == stack.url


def test_keys_are_made_and_revoked(stack: Stack, key: dict[str, str]) -> None:
    assert set(key) == {"key_id", "key"}
    stack.run("keys", "revoke", key["key_id"])
    headers = {"authorization": f"Bearer {key['key']}"}
    assert urllib3.request("GET", f"{stack.url}/v2/models", headers=headers).status == 401


def test_publish_takes_a_bare_onnx_file(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "bare.onnx"
    file.write_bytes(linear())
    published = stack.json("publish", str(file), "--name", "bare")
    assert set(published) == {"model", "version", "digest"}
    assert (published["model"], published["version"]) == ("bare", "1")
    models = {each["model"]: each for each in stack.json("models")}
    assert models["bare"]["aliases"] == {"prod": "1"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--tokenizer", "nonesuch.json"), "expected --embedding OUTPUT with it"),
        (("--embedding", "y", "--tokenizer", "nonesuch.json"), "--tokenizer: expected a file"),
        (("--embedding", "y"), "manifest field 'embedding.input'"),
    ],
    ids=["no output", "no tokenizer", "no ids"],
)
def test_how_a_model_embeds_is_checked_before_it_is_published(
    stack: Stack, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    file = tmp_path / "never.onnx"
    file.write_bytes(linear())
    done = run_command(stack.home, "publish", str(file), *options)
    assert done.returncode == 1
    assert words in done.stderr
    assert "never" not in [each["model"] for each in stack.json("models")]


def test_usage_rows(stack: Stack, key: dict[str, str], tenant: str) -> None:
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}]}
    urllib3.request(
        "POST",
        f"{stack.url}/v2/models/linear/infer",
        body=json.dumps(body),
        headers={"x-api-key": key["key"]},
    )
    (row,) = stack.json("usage", "--tenant", tenant)
    assert {"model": "linear", "requests": 1, "units": 1, "final": False}.items() <= row.items()


def test_a_sample_event_runs(stack: Stack, key: dict[str, str]) -> None:
    event = ROOT / "events" / "infer.json"
    answer = stack.json("invoke", "infer", str(event), INFERMETER_KEY=key["key"])
    # This stack serves no model named tabular, and says so.
    assert answer["statusCode"] == 404


def test_logs_name_the_request_and_never_the_key(stack: Stack, key: dict[str, str]) -> None:
    headers = {"x-api-key": key["key"]}
    answer = urllib3.request("GET", f"{stack.url}/v2/models", headers=headers)
    logged = stack.run("logs", "infer")
    assert answer.headers["x-request-id"] in logged
    assert key["key"] not in logged


@pytest.mark.parametrize(
    "arguments",
    [
        ("publish", "nowhere"),
        ("usage", "--tenant", "nobody"),
        ("keys", "revoke", "nonesuch"),
        ("invoke", "infer", "nowhere.json"),
        ("train", "nonesuch"),
    ],
)
def test_a_mistake_ends_in_one_line(stack: Stack, arguments: tuple[str, ...]) -> None:
    done = run_command(stack.home, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("infermeter: ")
    assert done.stderr.count("\n") == 1


def test_a_taken_port_is_named(stack: Stack, tmp_path: Path) -> None:
    port = stack.url.rsplit(":", 1)[-1]
    done = run_command(tmp_path, "up", "--detach", "--port", port)
    assert done.returncode == 1
    assert port in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_without_a_stack_one_is_told_how_to_start_it(tmp_path: Path) -> None:
    done = run_command(tmp_path, "models")
    assert done.returncode == 1
    assert "infermeter up" in done.stderr


def test_a_deployment_needs_credentials(tmp_path: Path) -> None:
    none = dict.fromkeys(("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"), "/dev/null")
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "")
    done = run_command(tmp_path, "deploy", AWS_EC2_METADATA_DISABLED="true", **none, **keys)
    assert done.returncode == 1
    assert done.stderr.startswith("infermeter: AWS credentials: expected")
