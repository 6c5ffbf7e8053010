from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings, SettingsError, load, parse

FILE = Path(__file__).parents[2] / "infra" / "settings.toml"


def changed(section: str | None, name: str, value: object) -> dict[str, Any]:
    """The project's own settings with one field changed, or removed by None."""
    content = tomllib.loads(FILE.read_text())
    place = content[section] if section else content
    place[name] = value
    if value is None:
        del place[name]
    return content


def test_the_projects_own_settings_are_valid() -> None:
    assert load(FILE).name == "infermeter"


@pytest.mark.parametrize(
    ("section", "name", "value", "message"),
    [
        (None, "name", "Infer_Meter", r'name: expected up to 25 .*, got "Infer_Meter"'),
        (None, "batch", 3, r"batch: expected a section, got 3"),
        (None, "extra", 3, r"extra: expected one of name, storage, .*, got an unknown name"),
        ("infer", "timeout_s", 30, r"infer.timeout_s: expected .* from 1 to 29, got 30"),
        ("infer", "timeout_s", None, r"infer.timeout_s: expected a whole number .*, got nothing"),
        ("infer", "memory_mb", "1769", r'infer.memory_mb: expected a whole number .*, got "1769"'),
        ("infer", "memory_mb", True, r"infer.memory_mb: expected a whole number .*, got true"),
        ("batch", "recieves", 3, r"batch.recieves: expected one of .*, got an unknown name"),
        ("storage", "inputs_days", 31, r"storage.inputs_days: expected .* from 1 to 30, got 31"),
        ("storage", "retain", 1, r"storage.retain: expected one of true, false, got 1"),
        ("functions", "architecture", "arm", r'expected one of "x86_64", "arm64", got "arm"'),
        ("functions", "log_days", 31, r"functions.log_days: expected one of 3, 5, .*, got 31"),
        ("api", "log_days", 1, r"api.log_days: expected one of 3, .*, got 1"),
        ("metering", "fold", {}, r"metering.fold.memory_mb: expected .*, got nothing"),
        ("metering", "marketplace", "no", r'metering.marketplace: expected .*, got "no"'),
        ("training", "instance_type", "g5.xlarge", r'training.instance_type: .*, got "g5.xlarge"'),
        ("training", "instances", 0, r"training.instances: expected .* from 1 to 100, got 0"),
        ("training", "spot", "yes", r'training.spot: expected one of true, false, got "yes"'),
        ("training", "spot_wait_s", -1, r"training.spot_wait_s: expected .* from 0 to .*, got -1"),
        ("training", "image", "pytorch:2.13", r'expected an ECR image .*, got "pytorch:2.13"'),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_with_expected_and_got(
    section: str | None, name: str, value: object, message: str
) -> None:
    with pytest.raises(SettingsError, match=f"^settings.toml: .*{message}$"):
        parse(Settings, changed(section, name, value), source="settings.toml")


def test_a_large_batch_needs_a_window(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(FILE.read_text().replace("window_s = 1", "window_s = 0"))
    with pytest.raises(
        SettingsError, match=r"batch.window_s: expected at least 1 where batch.size"
    ):
        load(file)


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("name = ")
    with pytest.raises(SettingsError, match=r"settings.toml: the file: expected TOML, got"):
        load(file)
