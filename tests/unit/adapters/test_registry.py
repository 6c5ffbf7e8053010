"""Versions and aliases in the registry table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from infermeter.errors import UnknownVersion
from infermeter.registry.catalog import ModelRecord, ModelVersion

if TYPE_CHECKING:
    from infermeter.adapters.registry import DynamoRegistry
    from tests.cloud import Cloud

ONE = ModelVersion("m", "1", "sha256:1", 10, 5)
TEN = ModelVersion("m", "10", "sha256:10", 10, 5)
TWO = ModelVersion("m", "2", "sha256:2", 10, 5)


@pytest.fixture
def registry(cloud: Cloud) -> DynamoRegistry:
    return cloud.wiring.registry


def test_a_model_nobody_published_is_none(registry: DynamoRegistry) -> None:
    assert registry.model("m") is None
    assert registry.models() == []


def test_versions_come_oldest_first(registry: DynamoRegistry) -> None:
    for version in (TEN, TWO, ONE):
        registry.add_version(version)
    assert list(registry.model("m").versions.values()) == [ONE, TWO, TEN]


def test_a_reserved_number_is_nobody_elses(registry: DynamoRegistry) -> None:
    assert [registry.reserve_version("m") for _ in range(3)] == ["1", "2", "3"]


def test_a_reserved_number_is_no_version(registry: DynamoRegistry) -> None:
    registry.reserve_version("m")
    assert registry.model("m") is None


def test_the_same_bytes_are_registered_once(registry: DynamoRegistry) -> None:
    registry.add_version(ONE)
    assert registry.add_version(replace(ONE, version="2")) == ONE
    assert list(registry.model("m").versions) == ["1"]


def test_a_version_is_found_by_its_bytes(registry: DynamoRegistry) -> None:
    registry.add_version(ONE)
    assert registry.version_of_digest("m", "sha256:1") == ONE
    assert registry.version_of_digest("m", "sha256:2") is None


def test_an_alias_points_at_a_version(registry: DynamoRegistry) -> None:
    registry.add_version(ONE)
    registry.move_alias("m", "prod", "1")
    assert registry.model("m") == ModelRecord("m", {"1": ONE}, {"prod": "1"})


def test_an_alias_needs_a_version(registry: DynamoRegistry) -> None:
    registry.add_version(ONE)
    with pytest.raises(UnknownVersion):
        registry.move_alias("m", "prod", "2")
    assert registry.model("m").aliases == {}


def test_models_are_listed_by_name(registry: DynamoRegistry) -> None:
    for name in ("b", "a", "b"):
        registry.add_version(replace(ONE, model=name))
    assert registry.models() == ["a", "b"]
