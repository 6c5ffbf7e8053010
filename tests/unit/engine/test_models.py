"""Models kept loaded."""

from __future__ import annotations

import pytest

from infermeter.engine.models import Models
from infermeter.errors import ModelUnavailable
from infermeter.manifest import MANIFEST_FILE, MODEL_FILE, Manifest
from infermeter.registry.catalog import ModelVersion
from tests.ports import MemoryFiles, ScalingRuntime, scaling_artifact


class Shelf:
    """Published versions 1.. of a model, each `size` bytes by its registration."""

    def __init__(self, *sizes: int, budget: int) -> None:
        self.files, self.runtime = MemoryFiles(), ScalingRuntime()
        self.models = Models(self.files, self.runtime, budget)
        self.versions = [self._publish(number, size) for number, size in enumerate(sizes, 1)]

    def _publish(self, number: int, size: int) -> ModelVersion:
        contents = scaling_artifact(float(number))
        digest = Manifest.from_json(contents[MANIFEST_FILE]).digest()
        version = ModelVersion("scaling", str(number), digest, size, 0)
        for path, content in contents.items():
            self.files.write(version.prefix, path, content)
        return version

    def get(self, *numbers: int) -> int:
        """How many loads it took to get these versions."""
        before = len(self.runtime.loaded)
        for number in numbers:
            self.models.get(self.versions[number - 1])
        return len(self.runtime.loaded) - before


def test_a_model_is_loaded_once() -> None:
    assert Shelf(1, budget=10).get(1, 1, 1) == 1


def test_models_within_the_budget_stay() -> None:
    assert Shelf(5, 5, budget=10).get(1, 2, 1, 2) == 2


def test_the_least_recently_used_leaves() -> None:
    shelf = Shelf(5, 5, 5, budget=10)
    shelf.get(1, 2, 1, 3)
    assert shelf.get(1) == 0
    assert shelf.get(2) == 1


def test_as_many_leave_as_the_new_one_needs() -> None:
    shelf = Shelf(3, 3, 3, 9, budget=10)
    shelf.get(1, 2, 3, 4)
    assert shelf.get(4) == 0
    assert shelf.get(1, 2, 3) == 3


def test_one_larger_than_the_budget_is_served_alone() -> None:
    shelf = Shelf(3, 99, budget=10)
    assert shelf.get(1, 2, 2) == 2
    assert shelf.get(1, 2) == 2


def test_room_is_made_before_the_next_is_read() -> None:
    shelf = Shelf(9, 9, budget=10)
    shelf.get(1)
    shelf.files.contents.clear()
    with pytest.raises(ModelUnavailable):
        shelf.get(2)
    with pytest.raises(ModelUnavailable):
        shelf.get(1)


@pytest.mark.parametrize("path", [MODEL_FILE, MANIFEST_FILE])
def test_a_file_that_is_not_the_published_one_is_not_served(path: str) -> None:
    shelf = Shelf(1, budget=10)
    shelf.files.contents[f"models/scaling/1/{path}"] += b" "
    with pytest.raises(ModelUnavailable, match=r"expected SHA-256 .*; not served"):
        shelf.get(1)
    assert not shelf.runtime.loaded


def test_a_file_that_is_gone_is_not_served() -> None:
    shelf = Shelf(1, budget=10)
    del shelf.files.contents[f"models/scaling/1/{MODEL_FILE}"]
    with pytest.raises(ModelUnavailable):
        shelf.get(1)


def test_describing_a_model_does_not_load_it() -> None:
    shelf = Shelf(1, budget=10)
    assert shelf.models.manifest(shelf.versions[0]).name == "scaling"
    assert not shelf.runtime.loaded


def test_a_loaded_models_manifest_is_not_read_again() -> None:
    shelf = Shelf(1, budget=10)
    shelf.get(1)
    shelf.files.reads.clear()
    shelf.models.manifest(shelf.versions[0])
    assert not shelf.files.reads
